package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Transposed convolution with bias: x [N,H,W,C] gives [N,H',W',K], with H' = (H-1) stride - padding
 * + R.
 *
 * <p>Parameters: {@code weight} [C,R,S,K], in checkpoints [C,K,R,S], and {@code bias} [K].
 */
public final class ConvTranspose2d {
  private final Parameter weight;
  private final Parameter bias;
  private final Window window;

  /** A transposed convolution that starts as PyTorch's, whose fan-in counts output channels. */
  public ConvTranspose2d(Parameters.Path at, int in, int out, Window window) {
    this.window = window;
    Initializer initializer = Initializer.uniform(out * window.height() * window.width());
    weight =
        at.create(
            "weight",
            Shape.of(in, window.height(), window.width(), out),
            Parameter.Layout.CONVOLUTION,
            initializer);
    bias = at.create("bias", Shape.of(out), initializer);
  }

  public Tensor forward(Tensor x) {
    return ConvolutionOps.convTranspose2d(x, weight.value(), bias.value(), window);
  }

  /** Multiplications for an input of a number of pixels. */
  public long macs(long inputPixels) {
    return inputPixels * weight.shape().count();
  }
}
