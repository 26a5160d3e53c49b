package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * Denoising diffusion implicit models (Song et al., arXiv 2010.02502, eq. 12): few steps, and with
 * η = 0 no noise but x_T. {@link DdimInverse} goes the other way.
 *
 * <p>Steps as diffusers' {@code DDIMScheduler} does, from t to t - ⌊T/n⌋, or to the next of given
 * timesteps: x_s = √ᾱ_s x̂_0 + √(1-ᾱ_s-σ²) ε̂ + σ z with σ² = η² (1-ᾱ_s)/(1-ᾱ_t) (1-ᾱ_t/ᾱ_s).
 * Unless set, η is 0, x̂_0 is clipped to [-1, 1] with ε̂ left as predicted, the last ᾱ_s is 1, and
 * the spacing leading. Immutable: each method returns a changed sampler.
 */
public final class Ddim extends SpacedSampler<Ddim> {
  private final double eta;
  private final Clipping clipping;
  private final boolean useClippedModelOutput;
  private final boolean setAlphaToOne;

  private Ddim(
      Timesteps timesteps,
      double eta,
      Clipping clipping,
      boolean useClippedModelOutput,
      boolean setAlphaToOne) {
    super(timesteps);
    this.eta = eta;
    this.clipping = clipping;
    this.useClippedModelOutput = useClippedModelOutput;
    this.setAlphaToOne = setAlphaToOne;
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static Ddim steps(int n) {
    return new Ddim(Timesteps.spaced(n), 0, Clipping.UNIT, false, true);
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static Ddim timesteps(int... timesteps) {
    return new Ddim(Timesteps.custom(timesteps), 0, Clipping.UNIT, false, true);
  }

  /**
   * Amount of noise: 0 for none, 1 for DDPM's with fixed_small variance.
   *
   * @param eta η, in [0, 1]
   */
  public Ddim eta(double eta) {
    if (!(eta >= 0 && eta <= 1)) {
      throw new InvalidArgumentException("eta is " + eta + ", expected 0 to 1");
    }
    return new Ddim(timesteps, eta, clipping, useClippedModelOutput, setAlphaToOne);
  }

  /**
   * Clips x̂_0 to [-range, range]; {@code clip_sample_range} in diffusers.
   *
   * @param range above 0
   */
  public Ddim clip(double range) {
    return clipping(Clipping.range(range));
  }

  /** Leaves x̂_0 as predicted. */
  public Ddim noClip() {
    return clipping(Clipping.NONE);
  }

  /** Dynamic thresholding; see {@link Ddpm#thresholding}. */
  public Ddim thresholding(double ratio, double maxValue) {
    return clipping(Clipping.dynamic(ratio, maxValue));
  }

  private Ddim clipping(Clipping other) {
    return new Ddim(timesteps, eta, other, useClippedModelOutput, setAlphaToOne);
  }

  /**
   * Whether ε̂ is derived anew from the clipped x̂_0; {@code use_clipped_model_output} in
   * diffusers.
   */
  public Ddim useClippedModelOutput(boolean use) {
    return new Ddim(timesteps, eta, clipping, use, setAlphaToOne);
  }

  /**
   * Whether the last step goes to ᾱ = 1, the image itself, or to ᾱ_0; {@code set_alpha_to_one} in
   * diffusers.
   */
  public Ddim setAlphaToOne(boolean set) {
    return new Ddim(timesteps, eta, clipping, useClippedModelOutput, set);
  }

  @Override
  Ddim with(Timesteps other) {
    return new Ddim(other, eta, clipping, useClippedModelOutput, setAlphaToOne);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    int[] t = timesteps.of(schedule);
    int stride = schedule.steps() / timesteps.total(schedule);
    return new Solver() {
      @Override
      double[] timesteps() {
        return Arrays.stream(t).asDoubleStream().toArray();
      }

      @Override
      void step(Step step) {
        int i = step.call();
        int previous =
            timesteps.custom() == null ? t[i] - stride : i == t.length - 1 ? -1 : t[i + 1];
        double previousAlphaBar =
            schedule.alphaBar(previous < 0 && setAlphaToOne ? -1 : Math.max(previous, 0));
        ReverseStep linear = linear(schedule.alphaBar(t[i]), previousAlphaBar, prediction);
        clipping.reverseStep(step, linear.fromNoise() == 0 ? null : step.noise(), linear);
      }
    };
  }

  private ReverseStep linear(double alphaBar, double previousAlphaBar, PredictionType prediction) {
    double sigma =
        eta
            * Math.sqrt(
                (1 - previousAlphaBar) / (1 - alphaBar) * (1 - alphaBar / previousAlphaBar));
    double direction = Math.sqrt(Math.max(0, 1 - previousAlphaBar - sigma * sigma));
    PredictionType.Combination x0 = prediction.x0(alphaBar);
    PredictionType.Combination epsilon = prediction.epsilon(alphaBar);
    double fromX0 = Math.sqrt(previousAlphaBar);
    double fromXt = direction * epsilon.fromXt();
    double fromOutput = direction * epsilon.fromOutput();
    if (useClippedModelOutput) {
      // ε̂ from the clipped x̂_0 is what a model that predicts x_0 would have to say.
      PredictionType.Combination clipped = PredictionType.SAMPLE.epsilon(alphaBar);
      fromX0 += direction * clipped.fromOutput();
      fromXt = direction * clipped.fromXt();
      fromOutput = 0;
    }
    return new ReverseStep(
        x0.fromXt(), x0.fromOutput(), clipping.range(), fromX0, fromXt, fromOutput, sigma);
  }
}
