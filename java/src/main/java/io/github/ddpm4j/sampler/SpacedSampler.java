package io.github.ddpm4j.sampler;

/**
 * A sampler whose timesteps are spaced over the schedule, or given.
 *
 * @param <S> the sampler itself
 */
abstract class SpacedSampler<S extends SpacedSampler<S>> extends SolverSampler {
  final Timesteps timesteps;

  SpacedSampler(Timesteps timesteps) {
    this.timesteps = timesteps;
  }

  /** This sampler with other timesteps. */
  abstract S with(Timesteps other);

  /** {@code timestep_spacing} in diffusers. */
  public final S spacing(TimestepSpacing spacing) {
    return with(timesteps.spacing(spacing));
  }

  /**
   * {@code steps_offset} in diffusers, for leading spacing.
   *
   * @param offset at least 0
   */
  public final S stepsOffset(int offset) {
    return with(timesteps.offset(offset));
  }

  @Override
  public S skipping(int levels) {
    return with(timesteps.skipping(levels));
  }
}
