package io.github.ddpm4j.sampler;

/**
 * A sampler over levels of noise that may be spaced by their σ.
 *
 * @param <S> the sampler itself
 */
abstract class SigmaSampler<S extends SigmaSampler<S>> extends SpacedSampler<S> {
  final NoiseLevels.Choice levels;

  SigmaSampler(Timesteps timesteps, NoiseLevels.Choice levels) {
    super(timesteps);
    this.levels = levels;
  }

  /** This sampler with other levels. */
  abstract S with(NoiseLevels.Choice other);

  /** Whether σ^(1/7) goes down in equal steps (Karras et al., arXiv 2206.00364, eq. 5). */
  public final S karrasSigmas(boolean use) {
    return with(levels.karras(use));
  }
}
