package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * DDIM inversion: from images to the x_T from which {@link Ddim} of as many steps makes about the
 * same images (Song et al., arXiv 2010.02502, section 5.4).
 *
 * <p>Steps as diffusers' {@code DDIMInverseScheduler} does, from t - ⌊T/n⌋ to t with the prediction
 * at t: x_t = √ᾱ_t x̂_0 + √(1-ᾱ_t) ε̂. Unless set, x̂_0 is clipped to [-1, 1], ᾱ before the first
 * step is 1, and the spacing leading; for the way back to be exact, clip nothing on either way.
 * Immutable: each method returns a changed sampler.
 */
public final class DdimInverse extends SpacedSampler<DdimInverse> {
  private final Clipping clipping;
  private final boolean setAlphaToOne;

  private DdimInverse(Timesteps timesteps, Clipping clipping, boolean setAlphaToOne) {
    super(timesteps);
    this.clipping = clipping;
    this.setAlphaToOne = setAlphaToOne;
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static DdimInverse steps(int n) {
    return new DdimInverse(Timesteps.spaced(n), Clipping.UNIT, true);
  }

  /**
   * Clips x̂_0 to [-range, range]; {@code clip_sample_range} in diffusers.
   *
   * @param range above 0
   */
  public DdimInverse clip(double range) {
    return new DdimInverse(timesteps, Clipping.range(range), setAlphaToOne);
  }

  /** Leaves x̂_0 as predicted. */
  public DdimInverse noClip() {
    return new DdimInverse(timesteps, Clipping.NONE, setAlphaToOne);
  }

  /**
   * Whether the images given are free of noise, or have that of timestep 0; {@code
   * set_alpha_to_one} in diffusers.
   */
  public DdimInverse setAlphaToOne(boolean set) {
    return new DdimInverse(timesteps, clipping, set);
  }

  /**
   * Not possible: the first steps are those of the least noise.
   *
   * @throws InvalidArgumentException unless levels is 0
   */
  @Override
  public DdimInverse skipping(int levels) {
    if (levels != 0) {
      throw new InvalidArgumentException(
          "levels to skip are " + levels + ", expected 0: inversion starts from images");
    }
    return this;
  }

  @Override
  DdimInverse with(Timesteps other) {
    return new DdimInverse(other, clipping, setAlphaToOne);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    int[] descending = timesteps.of(schedule);
    int[] t = new int[descending.length];
    Arrays.setAll(t, i -> descending[t.length - 1 - i]);
    int stride = schedule.steps() / t.length;
    return new Solver() {
      @Override
      double[] timesteps() {
        return Arrays.stream(t).asDoubleStream().toArray();
      }

      @Override
      void step(Step step) {
        int to = t[step.call()];
        int from = to - stride;
        double alphaBar = schedule.alphaBar(from < 0 && setAlphaToOne ? -1 : Math.max(from, 0));
        double nextAlphaBar = schedule.alphaBar(to);
        if (alphaBar == 1 && prediction == PredictionType.SAMPLE) {
          throw new InvalidArgumentException(
              "prediction type is sample where alphaBar is 1, expected epsilon or v_prediction, or"
                  + " setAlphaToOne(false)");
        }
        PredictionType.Combination x0 = prediction.x0(alphaBar);
        PredictionType.Combination epsilon = prediction.epsilon(alphaBar);
        double direction = Math.sqrt(1 - nextAlphaBar);
        clipping.reverseStep(
            step,
            null,
            new ReverseStep(
                x0.fromXt(),
                x0.fromOutput(),
                clipping.range(),
                Math.sqrt(nextAlphaBar),
                direction * epsilon.fromXt(),
                direction * epsilon.fromOutput(),
                0));
      }
    };
  }
}
