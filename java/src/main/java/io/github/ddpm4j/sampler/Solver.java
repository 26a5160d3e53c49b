package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * One run of a sampler, between the calls of the predictor: what {@code step} is in a scheduler of
 * diffusers. It may remember earlier outputs.
 */
abstract class Solver {
  /** The timestep of each call of the predictor. */
  abstract double[] timesteps();

  /** What the images are multiplied by at the start, to be in the solver's own scale. */
  double initialScale() {
    return 1;
  }

  /** What the solver's images are multiplied by for the predictor. */
  double inputScale(int call) {
    return 1;
  }

  /** Takes the images from one call of the predictor to the next. */
  abstract void step(Step step);

  /**
   * A step.
   *
   * @param call which call of the predictor it follows, from 0
   * @param x images in the solver's scale, changed in place; results of ops on it last for the step
   * @param output the prediction, of x's shape
   * @param learned what the model says of the variance, of x's shape, or null
   * @param x0 receives x̂_0; null if nobody wants it
   * @param source noise of the images
   * @param run memory for the whole run
   */
  record Step(
      int call, Tensor x, Tensor output, Tensor learned, Tensor x0, Noise source, Scope run) {
    /** Fresh noise of this step. */
    Tensor noise() {
      return noise(call + 1);
    }

    /** Noise of a draw, for solvers that do not take just one a step. */
    Tensor noise(int draw) {
      return source.fill(allocate(), draw);
    }

    /** Memory for images until the end of the step. */
    Tensor allocate() {
      return x.scope().allocate(x.shape());
    }

    /** Hands x̂_0 to whoever wants it. */
    void report(Tensor predicted) {
      if (x0 != null) {
        x0.copyFrom(predicted);
      }
    }

    /** Where x̂_0 goes, for a solver that needs it itself. */
    Tensor x0OrMemory() {
      return x0 == null ? allocate() : x0;
    }
  }

  /** Runs the solver over images, in place. */
  final void run(NoisePredictor predictor, Tensor x, Noise noise, StepListener listener) {
    double[] timesteps = timesteps();
    try (Scope run = Scope.open(x.device())) {
      if (initialScale() != 1) {
        x.copyFrom(PointwiseOps.scale(x.in(run), (float) initialScale()));
      }
      for (int call = 0; call < timesteps.length; call++) {
        try (Scope scope = Scope.open(x.device())) {
          Tensor here = x.in(scope);
          Tensor input = scaled(here, call);
          Tensor[] outputs =
              outputs(predictor.predict(input, timesteps[call]), input, timesteps[call]);
          Tensor x0 = listener == null ? null : scope.allocate(x.shape());
          step(new Step(call, here, outputs[0], outputs[1], x0, noise, run));
          if (listener != null) {
            listener.onStep(call, timesteps.length, timesteps[call], here, x0);
          }
        }
      }
    }
  }

  /** The images as a call of the predictor gets them. */
  final Tensor scaled(Tensor x, int call) {
    double scale = inputScale(call);
    return scale == 1 ? x : PointwiseOps.scale(x, (float) scale);
  }

  /**
   * What a predictor returned, divided: the prediction, and what the model says of the variance or
   * null.
   */
  static Tensor[] outputs(Tensor output, Tensor xt, double t) {
    int channels = xt.dim(-1);
    Shape withVariance = xt.shape().withLast(2 * channels);
    if (output != null && output.shape().equals(withVariance)) {
      return PointwiseOps.split(output.in(xt.scope()), channels);
    }
    if (output == null || !output.shape().equals(xt.shape())) {
      throw new InvalidArgumentException(
          "the predictor returned "
              + output
              + " at timestep "
              + t
              + ", expected shape "
              + xt.shape()
              + ", or "
              + withVariance
              + " with a learned variance");
    }
    return new Tensor[] {output, null};
  }
}
