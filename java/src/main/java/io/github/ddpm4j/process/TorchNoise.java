package io.github.ddpm4j.process;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Tensor;

/** PyTorch's CPU noise over images: its order is [N,C,H,W], the tensors' [N,H,W,C]. */
final class TorchNoise implements Noise {
  private final long seed;
  private TorchRandom random;
  private long firstImage;
  private long nextImage;

  TorchNoise(long seed) {
    this.seed = seed;
    this.random = new TorchRandom(seed);
  }

  @Override
  public Tensor fill(Tensor out, int draw) {
    if (out.shape().rank() != 4) {
      throw new InvalidArgumentException("out has shape " + out.shape() + ", expected [N,H,W,C]");
    }
    int images = out.dim(0);
    int channels = out.dim(3);
    int pixels = out.dim(1) * out.dim(2);
    float[] drawn = random.normals(Math.toIntExact(out.count()));
    float[] values = new float[drawn.length];
    for (int n = 0; n < images; n++) {
      for (int p = 0; p < pixels; p++) {
        for (int c = 0; c < channels; c++) {
          values[(n * pixels + p) * channels + c] = drawn[(n * channels + c) * pixels + p];
        }
      }
    }
    nextImage = firstImage + images;
    return out.copyFrom(values);
  }

  @Override
  public Noise from(long image) {
    if (image == 0) {
      random = new TorchRandom(seed);
    } else if (image != nextImage) {
      throw new InvalidArgumentException(
          "first image is "
              + image
              + ", expected 0 or "
              + nextImage
              + ": PyTorch's noise is one stream");
    }
    firstImage = image;
    nextImage = image;
    return this;
  }
}
