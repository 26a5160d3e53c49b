package io.github.ddpm4j.process;

import io.github.ddpm4j.NotSupportedException;
import io.github.ddpm4j.tensor.Tensor;

/**
 * A denoiser as samplers see it: a trained network, the optimal denoiser of a data set, or a
 * lambda.
 *
 * <pre>{@code
 * NoisePredictor standardNormal = (xt, t) -> PointwiseOps.scale(xt, (float) schedule.sigma(t));
 * }</pre>
 */
@FunctionalInterface
public interface NoisePredictor {
  /**
   * Predicts, for all images at one timestep, what {@link #predictionType} says.
   *
   * @param xt noisy images, [N,H,W,C]; not to be changed
   * @param t timestep of the noise schedule, from 0; whole, but for samplers that stop between
   *     timesteps
   * @return of xt's shape, in {@code xt.scope()}; of twice the channels if the model has learned
   *     the variance too ({@link VarianceType#learned}), which then comes after the prediction
   */
  Tensor predict(Tensor xt, double t);

  /**
   * Predicts as {@link #predict(Tensor, double)} does, for a timestep in the device's memory that
   * is not looked at: what runs can be captured once and repeated for all timesteps.
   *
   * @param t the timestep, once for each image, [N]
   * @throws NotSupportedException unless overridden, as networks do
   */
  default Tensor predict(Tensor xt, Tensor t) {
    throw new NotSupportedException("this predictor needs to know the timestep");
  }

  /** What the prediction stands for: the noise ε unless overridden. */
  default PredictionType predictionType() {
    return PredictionType.EPSILON;
  }

  /** This model, which does not know what it was trained to predict, with another's word for it. */
  default NoisePredictor as(PredictionType type) {
    NoisePredictor model = this;
    return new NoisePredictor() {
      @Override
      public Tensor predict(Tensor xt, double t) {
        return model.predict(xt, t);
      }

      @Override
      public Tensor predict(Tensor xt, Tensor t) {
        return model.predict(xt, t);
      }

      @Override
      public PredictionType predictionType() {
        return type;
      }
    };
  }
}
