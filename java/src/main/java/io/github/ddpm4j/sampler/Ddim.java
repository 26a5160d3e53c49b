package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Denoising diffusion implicit models (Song et al., arXiv 2010.02502, eq. 12): few steps, and with
 * η = 0 no noise but x_T.
 *
 * <p>Steps as diffusers' {@code DDIMScheduler} does, from t to t - ⌊T/n⌋: x_s = √ᾱ_s x̂_0 +
 * √(1-ᾱ_s-σ²) ε̂ + σ z with σ² = η² (1-ᾱ_s)/(1-ᾱ_t) (1-ᾱ_t/ᾱ_s). Unless set, η is 0, x̂_0 is
 * clipped to [-1, 1] with ε̂ left as predicted, the last ᾱ_s is 1, and the spacing leading.
 * Immutable: each method returns a changed sampler.
 */
public final class Ddim implements Sampler {
  private final Timesteps timesteps;
  private final double eta;
  private final double clip;
  private final boolean useClippedModelOutput;
  private final boolean setAlphaToOne;

  private Ddim(
      Timesteps timesteps,
      double eta,
      double clip,
      boolean useClippedModelOutput,
      boolean setAlphaToOne) {
    this.timesteps = timesteps;
    this.eta = eta;
    this.clip = clip;
    this.useClippedModelOutput = useClippedModelOutput;
    this.setAlphaToOne = setAlphaToOne;
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static Ddim steps(int n) {
    return new Ddim(Timesteps.spaced(n), 0, 1, false, true);
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
    return new Ddim(timesteps, eta, clip, useClippedModelOutput, setAlphaToOne);
  }

  /**
   * Clips x̂_0 to [-range, range]; {@code clip_sample_range} in diffusers.
   *
   * @param range above 0
   */
  public Ddim clip(double range) {
    return new Ddim(
        timesteps, eta, DenoisingLoop.requireClip(range), useClippedModelOutput, setAlphaToOne);
  }

  /** Leaves x̂_0 as predicted. */
  public Ddim noClip() {
    return new Ddim(timesteps, eta, Double.POSITIVE_INFINITY, useClippedModelOutput, setAlphaToOne);
  }

  /**
   * Whether ε̂ is derived anew from the clipped x̂_0; {@code use_clipped_model_output} in
   * diffusers.
   */
  public Ddim useClippedModelOutput(boolean use) {
    return new Ddim(timesteps, eta, clip, use, setAlphaToOne);
  }

  /**
   * Whether the last step goes to ᾱ = 1, the image itself, or to ᾱ_0; {@code set_alpha_to_one} in
   * diffusers.
   */
  public Ddim setAlphaToOne(boolean set) {
    return new Ddim(timesteps, eta, clip, useClippedModelOutput, set);
  }

  /** {@code timestep_spacing} in diffusers. */
  public Ddim spacing(TimestepSpacing spacing) {
    return new Ddim(timesteps.spacing(spacing), eta, clip, useClippedModelOutput, setAlphaToOne);
  }

  /**
   * {@code steps_offset} in diffusers, for leading spacing.
   *
   * @param offset at least 0
   */
  public Ddim stepsOffset(int offset) {
    return new Ddim(timesteps.offset(offset), eta, clip, useClippedModelOutput, setAlphaToOne);
  }

  @Override
  public int[] timesteps(NoiseSchedule schedule) {
    return timesteps.of(schedule);
  }

  @Override
  public void sample(
      NoisePredictor predictor,
      NoiseSchedule schedule,
      Tensor x,
      Noise noise,
      StepListener listener) {
    int[] t = timesteps.of(schedule);
    int stride = schedule.steps() / t.length;
    DenoisingLoop.run(
        predictor,
        x,
        noise,
        listener,
        t,
        i -> {
          int previous = t[i] - stride;
          double previousAlphaBar =
              schedule.alphaBar(previous < 0 && setAlphaToOne ? -1 : Math.max(previous, 0));
          return step(schedule.alphaBar(t[i]), previousAlphaBar, predictor.predictionType());
        });
  }

  private ReverseStep step(double alphaBar, double previousAlphaBar, PredictionType prediction) {
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
    return new ReverseStep(x0.fromXt(), x0.fromOutput(), clip, fromX0, fromXt, fromOutput, sigma);
  }
}
