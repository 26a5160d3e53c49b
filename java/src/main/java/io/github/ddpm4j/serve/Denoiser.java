package io.github.ddpm4j.serve;

import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;

/** What the page offers to denoise with. */
interface Denoiser {
  String id();

  /** For people. */
  String label();

  /** Shape of an image, [H,W,C]. */
  Shape image();

  /** Why it cannot be used, or null. */
  String problem();

  /**
   * Draws images, whose sampler is that of the options.
   *
   * @param scheduler the network whose noise schedule is taken
   */
  Images sample(Network scheduler, SampleOptions options);

  NoisePredictor predictor(NoiseSchedule schedule);
}
