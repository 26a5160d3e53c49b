package io.github.ddpm4j.process;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.schedule.NoiseSchedule;

/**
 * The reverse process p(x_s|x_t), which removes noise: the posterior q(x_s|x_t,x_0) with the
 * model's x̂_0 in place of x_0 (Ho et al., arXiv 2006.11239, eq. 6 and 7).
 *
 * <p>The paper's step has s = t-1. Any s &lt; t is allowed here: steps t, t-1, ..., s+1 act as one,
 * with α̃ = ᾱ_t/ᾱ_s in place of α_t and 1-α̃ in place of β_t. s = -1 is the image itself.
 *
 * <p>A step is given as coefficients, for {@link io.github.ddpm4j.ops.DiffusionOps#reverseStep} to
 * apply in one pass.
 */
public final class ReverseProcess {
  /** No variance is below this, as in diffusers: its logarithm stays finite. */
  private static final double SMALLEST_VARIANCE = 1e-20;

  private final NoiseSchedule schedule;

  public ReverseProcess(NoiseSchedule schedule) {
    this.schedule = schedule;
  }

  /** Factor of x_0 in the posterior's mean: √ᾱ_s (1-α̃) / (1-ᾱ_t). */
  public double meanFromX0(int t, int s) {
    return schedule.signal(s) * beta(t, s) / (1 - schedule.alphaBar(t));
  }

  /** Factor of x_t in the posterior's mean: √α̃ (1-ᾱ_s) / (1-ᾱ_t). */
  public double meanFromXt(int t, int s) {
    return Math.sqrt(1 - beta(t, s)) * (1 - schedule.alphaBar(s)) / (1 - schedule.alphaBar(t));
  }

  /**
   * Variance of x_s given x_t: with FIXED_SMALL (1-ᾱ_s)/(1-ᾱ_t) (1-α̃) and at least 1e-20, with
   * FIXED_LARGE 1-α̃. Logarithmic types are the same variance.
   *
   * @param t timestep of the noisy image
   * @param s the timestep it is taken to, -1 to t - 1
   * @throws InvalidArgumentException if the variance is a learned one
   */
  public double variance(int t, int s, VarianceType type) {
    return switch (type) {
      case FIXED_SMALL, FIXED_SMALL_LOG ->
          Math.max(
              (1 - schedule.alphaBar(s)) / (1 - schedule.alphaBar(t)) * beta(t, s),
              SMALLEST_VARIANCE);
      case FIXED_LARGE, FIXED_LARGE_LOG -> beta(t, s);
      case LEARNED, LEARNED_RANGE ->
          throw new InvalidArgumentException(
              "variance type is "
                  + type.configName()
                  + ", expected a fixed one: a learned one needs"
                  + " the model's output");
    };
  }

  /**
   * The mean of x_s given x_t and the model's output.
   *
   * @param t timestep of the noisy image
   * @param s the timestep it is taken to, -1 to t - 1
   * @param prediction what the model's output stands for
   * @param clip largest |x̂_0|; positive infinity for none
   */
  public ReverseStep mean(int t, int s, PredictionType prediction, double clip) {
    return step(t, s, prediction, clip, 0);
  }

  /** The mean, as {@link #mean} gives it, plus noise of the given variance, except from t = 0. */
  public ReverseStep step(
      int t, int s, PredictionType prediction, VarianceType variance, double clip) {
    return step(t, s, prediction, clip, t == 0 ? 0 : Math.sqrt(variance(t, s, variance)));
  }

  private ReverseStep step(int t, int s, PredictionType prediction, double clip, double fromNoise) {
    PredictionType.Combination x0 = prediction.x0(schedule.alphaBar(t));
    return new ReverseStep(
        x0.fromXt(), x0.fromOutput(), clip, meanFromX0(t, s), meanFromXt(t, s), 0, fromNoise);
  }

  /** 1-α̃, the variance that the forward process adds from s to t. */
  private double beta(int t, int s) {
    if (s >= t) {
      throw new InvalidArgumentException(
          "step from timestep " + t + " to " + s + ", expected to an earlier one");
    }
    return s == t - 1 ? schedule.beta(t) : 1 - schedule.alphaBar(t) / schedule.alphaBar(s);
  }
}
