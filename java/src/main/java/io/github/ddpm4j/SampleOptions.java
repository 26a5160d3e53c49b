package io.github.ddpm4j;

import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.sampler.StepListener;
import java.util.Arrays;

/**
 * What {@link DiffusionModel#sample(SampleOptions)} draws and how. Immutable: each method returns
 * changed options.
 *
 * <pre>{@code
 * SampleOptions.count(64).seed(7).sampler(Ddim.steps(50)).onStep(progress)
 * }</pre>
 */
public final class SampleOptions {
  private static final int DEFAULT_BATCH = 64;

  private final int count;
  private final int batch;
  private final Noise noise;
  private final Sampler sampler;
  private final StepListener listener;
  private final Classes classes;

  /**
   * @param labels one class for all images, or one for each; null for none
   * @param guidance scale, 1 for none
   */
  private record Classes(int[] labels, double guidance, int nullLabel) {}

  private SampleOptions(
      int count, int batch, Noise noise, Sampler sampler, StepListener listener, Classes classes) {
    this.count = count;
    this.batch = batch;
    this.noise = noise;
    this.sampler = sampler;
    this.listener = listener;
    this.classes = classes;
  }

  /**
   * Options for a number of images, with seed 0 and the model's default sampler.
   *
   * @throws InvalidArgumentException if count is below 1
   */
  public static SampleOptions count(int count) {
    requirePositive("count", count);
    return new SampleOptions(
        count,
        DEFAULT_BATCH,
        Noise.philox(0),
        null,
        (index, steps, t, x, x0) -> {},
        new Classes(null, 1, 0));
  }

  /**
   * The noise of a seed: image i of a seed is the same image whatever the count, the batch and the
   * threads.
   */
  public SampleOptions seed(long seed) {
    return noise(Noise.philox(seed));
  }

  /** Another source of noise, for example {@link Noise#torch}. */
  public SampleOptions noise(Noise noise) {
    return new SampleOptions(count, batch, noise, sampler, listener, classes);
  }

  public SampleOptions sampler(Sampler sampler) {
    return new SampleOptions(count, batch, noise, sampler, listener, classes);
  }

  /** Images denoised at a time, 64 unless set; it bounds the memory and changes nothing else. */
  public SampleOptions batch(int batch) {
    requirePositive("batch", batch);
    return new SampleOptions(count, batch, noise, sampler, listener, classes);
  }

  /** Called after every step of every batch. What it throws ends the sampling. */
  public SampleOptions onStep(StepListener listener) {
    return new SampleOptions(count, batch, noise, sampler, listener, classes);
  }

  /**
   * Classes of the images, for a model that has classes.
   *
   * @param labels one class number for all images, or one for each
   * @throws InvalidArgumentException if there are several, but not as many as images
   */
  public SampleOptions labels(int... labels) {
    if (labels.length != 1 && labels.length != count) {
      throw new InvalidArgumentException(
          labels.length + " labels given, expected 1 or one for each of " + count + " images");
    }
    return with(new Classes(labels.clone(), classes.guidance, classes.nullLabel));
  }

  /**
   * Guidance to the classes, for a model that was trained with its classes left out at times; see
   * {@link io.github.ddpm4j.process.ClassifierFreeGuidance}.
   *
   * @param scale 1 for none
   * @param nullLabel the class number that stood for no class in training
   */
  public SampleOptions guidance(double scale, int nullLabel) {
    return with(new Classes(classes.labels, scale, nullLabel));
  }

  private SampleOptions with(Classes other) {
    return new SampleOptions(count, batch, noise, sampler, listener, other);
  }

  int count() {
    return count;
  }

  int batch() {
    return batch;
  }

  Noise noise() {
    return noise;
  }

  /** The sampler to use, or null for the model's default. */
  Sampler sampler() {
    return sampler;
  }

  StepListener listener() {
    return listener;
  }

  /** Classes of some of the images: one for all of them, or one for each; null for none. */
  int[] labelsOf(int first, int images) {
    int[] labels = classes.labels;
    return labels == null || labels.length == 1
        ? labels
        : Arrays.copyOfRange(labels, first, first + images);
  }

  double guidance() {
    return classes.guidance;
  }

  int nullLabel() {
    return classes.nullLabel;
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new InvalidArgumentException(name + " is " + value + ", expected at least 1");
    }
  }
}
