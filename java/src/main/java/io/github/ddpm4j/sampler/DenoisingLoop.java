package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Tensor;
import java.util.function.IntFunction;

/** The loop that samplers share whose steps are linear in x_t, the model's output and noise. */
final class DenoisingLoop {
  private DenoisingLoop() {}

  /**
   * Denoises x in place.
   *
   * @param timesteps where each step starts
   * @param coefficients of step i
   */
  static void run(
      NoisePredictor predictor,
      Tensor x,
      Noise noise,
      StepListener listener,
      int[] timesteps,
      IntFunction<ReverseStep> coefficients) {
    for (int i = 0; i < timesteps.length; i++) {
      ReverseStep step = coefficients.apply(i);
      try (Scope scope = Scope.open(x.device())) {
        Tensor output = predict(predictor, x.in(scope), timesteps[i]);
        Tensor z = step.fromNoise() == 0 ? null : noise.fill(scope.allocate(x.shape()), i + 1);
        Tensor x0 = listener == null ? null : scope.allocate(x.shape());
        DiffusionOps.reverseStep(x, output, z, x, x0, step);
        if (listener != null) {
          listener.onStep(i, timesteps.length, timesteps[i], x.in(scope), x0);
        }
      }
    }
  }

  /** A range to clip x̂_0 to, checked. */
  static double requireClip(double range) {
    if (!(range > 0)) {
      throw new InvalidArgumentException("clip range is " + range + ", expected above 0");
    }
    return range;
  }

  private static Tensor predict(NoisePredictor predictor, Tensor xt, int t) {
    Tensor output = predictor.predict(xt, t);
    if (output == null || !output.shape().equals(xt.shape())) {
      throw new InvalidArgumentException(
          "the predictor returned "
              + output
              + " at timestep "
              + t
              + ", expected shape "
              + xt.shape());
    }
    return output;
  }
}
