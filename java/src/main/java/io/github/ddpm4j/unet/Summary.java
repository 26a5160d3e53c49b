package io.github.ddpm4j.unet;

import io.github.ddpm4j.unet.layers.Parameters;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Collects the lines of a network's summary while following the size of one picture through it. */
final class Summary {
  private final Parameters parameters;
  private final List<LayerSummary> lines = new ArrayList<>();
  private int height;
  private int width;

  /** Numbers of the activation that the next layer reads. */
  private long activation;

  Summary(Parameters parameters, int height, int width, int channels) {
    this.parameters = parameters;
    this.height = height;
    this.width = width;
    activation = pixels() * channels;
  }

  /** Pixels of the picture as it is now. */
  long pixels() {
    return (long) height * width;
  }

  void halve() {
    height /= 2;
    width /= 2;
  }

  void twice() {
    height *= 2;
    width *= 2;
  }

  /** Numbers of the activation as it is now. */
  long activation() {
    return activation;
  }

  /** Concatenates an activation of a count of numbers. */
  void join(long count) {
    activation += count;
  }

  /** Adds a layer whose output has the size as it is now. */
  void add(String name, int channels, long macs) {
    add(name, height, width, channels, activation, macs);
    activation = pixels() * channels;
  }

  /** Adds a layer that makes a vector of another, beside the activation. */
  void addVector(String name, int inputs, int channels, long macs) {
    add(name, 1, 1, channels, inputs, macs);
  }

  private void add(String name, int height, int width, int channels, long inputs, long macs) {
    long learned =
        parameters.list().stream()
            .filter(parameter -> parameter.name().startsWith(name + "."))
            .mapToLong(parameter -> parameter.shape().count())
            .sum();
    lines.add(new LayerSummary(name, height, width, channels, inputs, learned, macs));
  }

  List<LayerSummary> lines() {
    return Collections.unmodifiableList(lines);
  }
}
