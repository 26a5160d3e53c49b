package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.ConvolutionInput;
import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Convolution with bias: x [N,H,W,C] gives [N,OH,OW,K].
 *
 * <p>Parameters: {@code weight} [K,R,S,C], in checkpoints [K,C,R,S], and {@code bias} [K].
 */
public final class Conv2d {
  private final Parameter weight;
  private final Parameter bias;
  private final Window window;

  /** A convolution that starts as PyTorch's. */
  public Conv2d(Parameters.Path at, int in, int out, Window window) {
    this(at, in, out, window, Initializer.uniform(fanIn(in, window)));
  }

  public Conv2d(Parameters.Path at, int in, int out, Window window, Initializer initializer) {
    this.window = window;
    weight =
        at.create(
            "weight",
            Shape.of(out, window.height(), window.width(), in),
            Parameter.Layout.CONVOLUTION,
            initializer);
    bias = at.create("bias", Shape.of(out), initializer);
  }

  /** A 3x3 convolution that keeps the size of pictures. */
  public static Conv2d same3x3(Parameters.Path at, int in, int out) {
    return new Conv2d(at, in, out, SAME_3X3);
  }

  /** A 3x3 convolution that keeps the size of pictures and is the last of its branch. */
  public static Conv2d same3x3(Parameters.Path at, int in, int out, Initialization output) {
    return new Conv2d(at, in, out, SAME_3X3, output.output(fanIn(in, SAME_3X3)));
  }

  /** A 1x1 convolution. */
  public static Conv2d pointwise(Parameters.Path at, int in, int out) {
    return new Conv2d(at, in, out, Window.square(1));
  }

  private static final Window SAME_3X3 = Window.square(3).padding(1);

  private static int fanIn(int in, Window window) {
    return in * window.height() * window.width();
  }

  public Tensor forward(Tensor x) {
    return forward(x, null, null);
  }

  /**
   * The convolution with two more terms, which cost next to nothing here.
   *
   * @param imageBias [N,K], added to every pixel of its image, or null
   * @param residual [N,OH,OW,K], added, or null
   */
  public Tensor forward(Tensor x, Tensor imageBias, Tensor residual) {
    return forward(ConvolutionInput.of(x), imageBias, residual);
  }

  /** The convolution of an input that is joined and normalised on the way. */
  public Tensor forward(ConvolutionInput input, Tensor imageBias, Tensor residual) {
    return ConvolutionOps.conv2d(input, weight.value(), bias.value(), imageBias, residual, window);
  }

  /** Multiplications for an output of a number of pixels. */
  public long macs(long outputPixels) {
    return outputPixels * weight.shape().count();
  }
}
