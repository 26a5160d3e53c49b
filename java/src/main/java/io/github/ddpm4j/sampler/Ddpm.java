package io.github.ddpm4j.sampler;

import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.ReverseProcess;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Ancestral sampling (Ho et al., arXiv 2006.11239, algorithm 2), over all timesteps or some of
 * them.
 *
 * <p>Steps as diffusers' {@code DDPMScheduler} does: the posterior's mean for the clipped x̂_0,
 * plus noise except from timestep 0. Unless set, x̂_0 is clipped to [-1, 1], the variance is
 * fixed_small, and the spacing leading. Immutable: each method returns a changed sampler.
 */
public final class Ddpm implements Sampler {
  private final Timesteps timesteps;
  private final VarianceType variance;
  private final double clip;

  private Ddpm(Timesteps timesteps, VarianceType variance, double clip) {
    this.timesteps = timesteps;
    this.variance = variance;
    this.clip = clip;
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
    return new Ddpm(timesteps, VarianceType.FIXED_SMALL, 1);
  }

  /** {@code variance_type} in diffusers. */
  public Ddpm variance(VarianceType variance) {
    return new Ddpm(timesteps, variance, clip);
  }

  /**
   * Clips x̂_0 to [-range, range]; {@code clip_sample_range} in diffusers.
   *
   * @param range above 0
   */
  public Ddpm clip(double range) {
    return new Ddpm(timesteps, variance, DenoisingLoop.requireClip(range));
  }

  /** Leaves x̂_0 as predicted. */
  public Ddpm noClip() {
    return new Ddpm(timesteps, variance, Double.POSITIVE_INFINITY);
  }

  /** {@code timestep_spacing} in diffusers. */
  public Ddpm spacing(TimestepSpacing spacing) {
    return new Ddpm(timesteps.spacing(spacing), variance, clip);
  }

  /**
   * {@code steps_offset} in diffusers, for leading spacing.
   *
   * @param offset at least 0
   */
  public Ddpm stepsOffset(int offset) {
    return new Ddpm(timesteps.offset(offset), variance, clip);
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
    ReverseProcess reverse = new ReverseProcess(schedule);
    int[] t = timesteps.of(schedule);
    DenoisingLoop.run(
        predictor,
        x,
        noise,
        listener,
        t,
        i -> {
          int previous = i == t.length - 1 ? -1 : t[i + 1];
          return reverse.step(t[i], previous, predictor.predictionType(), variance, clip);
        });
  }
}
