package io.github.ddpm4j.sampler;

import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.PredictionType.Combination;

/**
 * A solver whose images are x_t/√ᾱ_t, so that their noise has deviation σ and the ODE is dx/dσ = (x
 * - x̂_0)/σ (Karras et al., arXiv 2206.00364, eq. 3).
 */
abstract class EdmSolver extends Solver {
  final NoiseLevels levels;
  private final PredictionType prediction;
  private final double initialScale;

  EdmSolver(NoiseLevels levels, Timesteps choice, PredictionType prediction) {
    this.levels = levels;
    this.prediction = prediction;
    double sigma = levels.sigmas()[0];
    // diffusers: noise of deviation σ, or with leading spacing noise of σ on an image of noise.
    boolean noiseOnly =
        choice.skip() == 0
            && (choice.custom() != null || choice.spacing() != TimestepSpacing.LEADING);
    initialScale = noiseOnly ? sigma : Math.sqrt(1 + sigma * sigma);
  }

  /** The level at which the predictor is called. */
  abstract int level(int call);

  @Override
  final double initialScale() {
    return initialScale;
  }

  @Override
  final double inputScale(int call) {
    return levels.signal(level(call));
  }

  /**
   * x̂_0 from the solver's x and the output for a level.
   *
   * @param sigma deviation of the noise in x, which may be above the level's; as in diffusers it
   *     counts for a prediction of ε only
   */
  final Combination x0(int level, double sigma) {
    if (prediction == PredictionType.EPSILON) {
      return new Combination(1, -sigma);
    }
    Combination x0 = prediction.x0(levels.alphaBar(level));
    return new Combination(x0.fromXt() * levels.signal(level), x0.fromOutput());
  }
}
