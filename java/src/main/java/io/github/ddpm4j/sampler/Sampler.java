package io.github.ddpm4j.sampler;

import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/**
 * A way from noise to images. Samplers are immutable and hold no state, so several threads may
 * share one.
 */
public interface Sampler {
  /**
   * Denoises images in place. Each step has memory of its own, given back at its end.
   *
   * @param predictor the denoiser
   * @param schedule the noise schedule that the denoiser was made for
   * @param x on entry x_T, that is, draw 0 of the noise, [N,H,W,C]; on return the images
   * @param noise noise of these images; step i takes draw i + 1, and none if no noise enters it
   * @param listener called after every step, or null
   * @throws io.github.ddpm4j.InvalidArgumentException if the sampler does not suit the schedule, or
   *     the predictor returns a tensor of another shape
   */
  void sample(
      NoisePredictor predictor,
      NoiseSchedule schedule,
      Tensor x,
      Noise noise,
      StepListener listener);

  /**
   * The timesteps that the steps start from, in their order: as many as there are calls of the
   * predictor. They may lie between the schedule's.
   */
  double[] timesteps(NoiseSchedule schedule);

  /**
   * This sampler without its first levels of noise: it begins with noisy images, √ᾱ x_0 + √(1-ᾱ) ε
   * at the first of its timesteps, in place of x_T.
   *
   * @param levels how many of the sampler's steps to leave out, fewer than it has
   */
  Sampler skipping(int levels);
}
