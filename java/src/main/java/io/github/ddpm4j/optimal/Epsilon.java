package io.github.ddpm4j.optimal;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/** What denoisers share that find x̂_0 first. */
final class Epsilon {
  private Epsilon() {}

  /** (x_t - √ᾱ_t x̂_0) / √(1-ᾱ_t). */
  static Tensor of(Tensor xt, Tensor x0, NoiseSchedule schedule, double t) {
    PredictionType.Combination epsilon = PredictionType.SAMPLE.epsilon(schedule.alphaBar(t));
    Tensor out = xt.scope().allocate(xt.shape());
    DiffusionOps.reverseStep(
        xt,
        x0,
        null,
        out,
        null,
        new DiffusionOps.ReverseStep(
            0, 1, Double.POSITIVE_INFINITY, epsilon.fromOutput(), epsilon.fromXt(), 0, 0));
    return out;
  }

  static void requireImages(Tensor xt, int height, int width, int channels) {
    if (xt.shape().rank() != 4
        || xt.dim(1) != height
        || xt.dim(2) != width
        || xt.dim(3) != channels) {
      throw new InvalidArgumentException(
          "xt has shape "
              + xt.shape()
              + ", expected [N,"
              + height
              + ","
              + width
              + ","
              + channels
              + "]");
    }
  }
}
