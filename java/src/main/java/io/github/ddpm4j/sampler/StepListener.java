package io.github.ddpm4j.sampler;

import io.github.ddpm4j.tensor.Tensor;

/** Told of every step of a sampler: for progress bars, or for pictures of images on their way. */
@FunctionalInterface
public interface StepListener {
  /**
   * Called after a step, that is, after a call of the predictor and what follows from it. What it
   * throws ends the sampling.
   *
   * @param index of the step, from 0
   * @param steps number of steps
   * @param t timestep that the step started from
   * @param x images after the step, [N,H,W,C], divided by √ᾱ where the sampler says so; not to be
   *     changed
   * @param x0 the step's prediction of the finished images, of x's shape; valid during the call
   *     only
   */
  void onStep(int index, int steps, double t, Tensor x, Tensor x0);
}
