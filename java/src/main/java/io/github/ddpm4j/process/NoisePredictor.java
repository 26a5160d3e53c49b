package io.github.ddpm4j.process;

import io.github.ddpm4j.tensor.Tensor;

/** A model of the noise in x_t: a network, the optimal denoiser, or a lambda. */
@FunctionalInterface
public interface NoisePredictor {
  /**
   * Predicts the noise in pictures of one timestep.
   *
   * @param xt [N,H,W,C]
   * @param t timestep, from 0
   * @return of xt's shape, in xt's scope
   */
  Tensor predict(Tensor xt, int t);

  /** What the prediction is of. */
  default PredictionType predictionType() {
    return PredictionType.EPSILON;
  }
}
