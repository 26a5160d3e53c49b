package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Linear map with bias over the innermost dimension: x [...,in] gives [...,out].
 *
 * <p>Parameters: {@code weight} [out,in] and {@code bias} [out].
 */
public final class Linear {
  private final Parameter weight;
  private final Parameter bias;

  /** A linear map that starts as PyTorch's. */
  public Linear(Parameters.Path at, int in, int out) {
    this(at, in, out, Initializer.uniform(in));
  }

  public Linear(Parameters.Path at, int in, int out, Initializer initializer) {
    weight = at.create("weight", Shape.of(out, in), initializer);
    bias = at.create("bias", Shape.of(out), initializer);
  }

  public Tensor forward(Tensor x) {
    return forward(x, null);
  }

  /**
   * The linear map plus a residual.
   *
   * @param residual [...,out], or null
   */
  public Tensor forward(Tensor x, Tensor residual) {
    return ConvolutionOps.linear(x, weight.value(), bias.value(), residual);
  }

  /** Multiplications for a number of rows. */
  public long macs(long rows) {
    return rows * weight.shape().count();
  }
}
