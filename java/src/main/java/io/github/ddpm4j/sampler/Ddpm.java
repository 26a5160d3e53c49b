package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.ReverseProcess;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;

/**
 * Ancestral sampling (Ho et al., arXiv 2006.11239, algorithm 2), over all timesteps or some of
 * them.
 *
 * <p>Steps as diffusers' {@code DDPMScheduler} does: the posterior's mean for the clipped x̂_0,
 * plus noise except from timestep 0. Unless set, x̂_0 is clipped to [-1, 1], the variance is
 * fixed_small, and the spacing leading. A learned variance (Nichol and Dhariwal, arXiv 2102.09672,
 * eq. 15) needs a predictor that gives one. Immutable: each method returns a changed sampler.
 */
public final class Ddpm extends SpacedSampler<Ddpm> {
  private final VarianceType variance;
  private final Clipping clipping;

  private Ddpm(Timesteps timesteps, VarianceType variance, Clipping clipping) {
    super(timesteps);
    this.variance = variance;
    this.clipping = clipping;
  }

  /** Every timestep of the schedule. */
  public static Ddpm full() {
    return of(Timesteps.all());
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static Ddpm steps(int n) {
    return of(Timesteps.spaced(n));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static Ddpm timesteps(int... timesteps) {
    return of(Timesteps.custom(timesteps));
  }

  private static Ddpm of(Timesteps timesteps) {
    return new Ddpm(timesteps, VarianceType.FIXED_SMALL, Clipping.UNIT);
  }

  /** {@code variance_type} in diffusers. */
  public Ddpm variance(VarianceType variance) {
    return new Ddpm(timesteps, variance, clipping);
  }

  /**
   * Clips x̂_0 to [-range, range]; {@code clip_sample_range} in diffusers.
   *
   * @param range above 0
   */
  public Ddpm clip(double range) {
    return new Ddpm(timesteps, variance, Clipping.range(range));
  }

  /** Leaves x̂_0 as predicted. */
  public Ddpm noClip() {
    return new Ddpm(timesteps, variance, Clipping.NONE);
  }

  /**
   * Dynamic thresholding (Saharia et al., arXiv 2205.11487, section 2.3): divides each image's x̂_0
   * by a quantile s of its values' sizes where s is above 1, and clips it to [-1, 1].
   *
   * @param ratio which quantile, in [0, 1]; {@code dynamic_thresholding_ratio} in diffusers
   * @param maxValue largest s, above 0; {@code sample_max_value} in diffusers
   */
  public Ddpm thresholding(double ratio, double maxValue) {
    return new Ddpm(timesteps, variance, Clipping.dynamic(ratio, maxValue));
  }

  @Override
  Ddpm with(Timesteps other) {
    return new Ddpm(other, variance, clipping);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    ReverseProcess reverse = new ReverseProcess(schedule);
    int[] t = timesteps.of(schedule);
    return new Solver() {
      @Override
      double[] timesteps() {
        return Arrays.stream(t).asDoubleStream().toArray();
      }

      @Override
      void step(Step step) {
        int from = t[step.call()];
        int to = step.call() == t.length - 1 ? -1 : t[step.call() + 1];
        double range = clipping.range();
        if (variance.learned()) {
          ReverseStep mean = reverse.mean(from, to, prediction, range);
          Tensor noise = learnedNoise(step, reverse, from, to);
          clipping.reverseStep(step, noise, from == 0 ? mean : withNoise(mean));
        } else {
          ReverseStep linear = reverse.step(from, to, prediction, variance, range);
          clipping.reverseStep(step, linear.fromNoise() == 0 ? null : step.noise(), linear);
        }
      }
    };
  }

  private static ReverseStep withNoise(ReverseStep mean) {
    return new ReverseStep(
        mean.x0FromXt(),
        mean.x0FromOutput(),
        mean.clip(),
        mean.fromX0(),
        mean.fromXt(),
        mean.fromOutput(),
        1);
  }

  /** Noise of the deviation that the model gives, or null where no noise is due. */
  private Tensor learnedNoise(Solver.Step step, ReverseProcess reverse, int from, int to) {
    if (step.learned() == null) {
      throw new InvalidArgumentException(
          "variance type is "
              + variance.configName()
              + ", expected a predictor that gives a variance: twice the channels of "
              + step.x().shape());
    }
    if (from == 0) {
      return null;
    }
    double small = Math.log(reverse.variance(from, to, VarianceType.FIXED_SMALL));
    double large = Math.log(reverse.variance(from, to, VarianceType.FIXED_LARGE));
    Tensor noise = step.noise();
    float[] z = noise.toArray();
    float[] learned = step.learned().toArray();
    for (int i = 0; i < z.length; i++) {
      double fraction = (learned[i] + 1.0) / 2;
      double deviation =
          variance == VarianceType.LEARNED
              ? Math.sqrt(learned[i])
              : Math.exp((fraction * large + (1 - fraction) * small) / 2);
      z[i] = (float) (deviation * z[i]);
    }
    return noise.copyFrom(z);
  }
}
