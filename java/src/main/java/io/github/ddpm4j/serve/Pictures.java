package io.github.ddpm4j.serve;

import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.tensor.Tensor;

/** Images on their way, as the page gets them. */
final class Pictures {
  private Pictures() {}

  /**
   * Pixels as bytes, [N,H,W,C]. Noise is scaled to a root mean square of 1: some samplers have x_t
   * divided by √ᾱ, which would be black and white all over.
   */
  static byte[] bytes(Tensor x) {
    float[] values = x.toArray();
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    double scale = Math.sqrt(squares / values.length);
    if (scale > 1) {
      for (int i = 0; i < values.length; i++) {
        values[i] /= (float) scale;
      }
    }
    return new Images(x.dim(0), x.dim(1), x.dim(2), x.dim(3), values).bytes();
  }
}
