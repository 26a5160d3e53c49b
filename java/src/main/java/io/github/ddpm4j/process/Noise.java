package io.github.ddpm4j.process;

import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.tensor.Tensor;

/** A source of standard normal noise for the images of a batch. */
public interface Noise {
  /**
   * Fills out with noise.
   *
   * @param out [N,H,W,C]; its images are {@code firstImage}, {@code firstImage + 1}, ... of this
   *     source
   * @param draw which noise of these images, from 0: samplers use 0 for x_T and i + 1 for step i
   * @return out
   */
  Tensor fill(Tensor out, int draw);

  /**
   * Whether a draw has the same numbers however often, and after whichever others, it is asked for:
   * a run's draws may then be asked for ahead of its steps.
   */
  default boolean repeatable() {
    return false;
  }

  /** The noise of images firstImage, firstImage + 1, ...: the next batch. */
  Noise from(long firstImage);

  /**
   * Counter-based noise of a seed (Philox4x32-10, see {@link DiffusionOps#randn}): image i has the
   * same noise in every batch. Has no state, so threads may share it.
   */
  static Noise philox(long seed) {
    return new PhiloxNoise(seed, 0);
  }

  /**
   * The numbers that PyTorch's {@code randn} gives on the CPU after {@code
   * torch.manual_seed(seed)}: each call of {@link #fill} is the next call of {@code torch.randn(N,
   * C, H, W)}, whatever the draw.
   *
   * <p>The source is one stream, as PyTorch's generator is, so an image's noise depends on the
   * batch. {@link #from} accepts 0, which begins the stream again, and the image after the last one
   * filled, which goes on; it returns this source. Not for several threads at a time.
   */
  static Noise torch(long seed) {
    return new TorchNoise(seed);
  }
}
