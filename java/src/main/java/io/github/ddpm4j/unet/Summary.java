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

  Summary(Parameters parameters, int height, int width) {
    this.parameters = parameters;
    this.height = height;
    this.width = width;
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

  /** Adds a layer whose output has the size as it is now. */
  void add(String name, int channels, long macs) {
    add(name, height, width, channels, macs);
  }

  /** Adds a layer whose output is one vector. */
  void addVector(String name, int channels, long macs) {
    add(name, 1, 1, channels, macs);
  }

  private void add(String name, int height, int width, int channels, long macs) {
    long learned =
        parameters.list().stream()
            .filter(parameter -> parameter.name().startsWith(name + "."))
            .mapToLong(parameter -> parameter.shape().count())
            .sum();
    lines.add(new LayerSummary(name, height, width, channels, learned, macs));
  }

  List<LayerSummary> lines() {
    return Collections.unmodifiableList(lines);
  }
}
