package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.ConvolutionInput;
import io.github.ddpm4j.ops.NormalizationOps;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Group normalisation (Wu and He, arXiv 1803.08494) of [N,...,C], with SiLU behind it where asked
 * for.
 *
 * <p>Parameters: {@code weight} and {@code bias}, both [C].
 */
public final class GroupNorm {
  /** What follows the normalisation, in the same pass over memory. */
  public enum Activation {
    NONE,
    SILU
  }

  private final Parameter weight;
  private final Parameter bias;
  private final int groups;
  private final float eps;
  private final Activation activation;

  /**
   * @param channels divisible by groups
   * @param eps added to the variance
   */
  public GroupNorm(
      Parameters.Path at, int channels, int groups, double eps, Activation activation) {
    weight = at.create("weight", Shape.of(channels), Initializer.ONES);
    bias = at.create("bias", Shape.of(channels), Initializer.ZEROS);
    this.groups = groups;
    this.eps = (float) eps;
    this.activation = activation;
  }

  public Tensor forward(Tensor x) {
    return forward(x, null);
  }

  /**
   * Normalises, then scales and shifts: v (1 + scale) + shift ahead of the activation.
   *
   * @param modulation [N,2C], scales then shifts, or null
   */
  public Tensor forward(Tensor x, Tensor modulation) {
    return NormalizationOps.groupNorm(
        x, weight.value(), bias.value(), modulation, groups, eps, activation == Activation.SILU);
  }

  /**
   * The normalised input of a convolution, which computes it on the way where it can.
   *
   * @param input not normalised yet
   * @param modulation [N,2C], scales then shifts, or null
   */
  public ConvolutionInput ahead(ConvolutionInput input, Tensor modulation) {
    return input.with(
        new ConvolutionInput.Norm(
            weight.value(), bias.value(), modulation, groups, eps, activation == Activation.SILU));
  }
}
