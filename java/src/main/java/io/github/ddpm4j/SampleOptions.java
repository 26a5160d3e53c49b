package io.github.ddpm4j;

import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.sampler.StepListener;

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

  private SampleOptions(int count, int batch, Noise noise, Sampler sampler, StepListener listener) {
    this.count = count;
    this.batch = batch;
    this.noise = noise;
    this.sampler = sampler;
    this.listener = listener;
  }

  /**
   * Options for a number of images, with seed 0 and the model's default sampler.
   *
   * @throws InvalidArgumentException if count is below 1
   */
  public static SampleOptions count(int count) {
    requirePositive("count", count);
    return new SampleOptions(
        count, DEFAULT_BATCH, Noise.philox(0), null, (index, steps, t, x, x0) -> {});
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
    return new SampleOptions(count, batch, noise, sampler, listener);
  }

  public SampleOptions sampler(Sampler sampler) {
    return new SampleOptions(count, batch, noise, sampler, listener);
  }

  /** Images denoised at a time, 64 unless set; it bounds the memory and changes nothing else. */
  public SampleOptions batch(int batch) {
    requirePositive("batch", batch);
    return new SampleOptions(count, batch, noise, sampler, listener);
  }

  /** Called after every step of every batch. What it throws ends the sampling. */
  public SampleOptions onStep(StepListener listener) {
    return new SampleOptions(count, batch, noise, sampler, listener);
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

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new InvalidArgumentException(name + " is " + value + ", expected at least 1");
    }
  }
}
