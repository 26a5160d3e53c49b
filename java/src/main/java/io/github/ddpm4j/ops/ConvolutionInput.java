package io.github.ddpm4j.ops;

import static io.github.ddpm4j.ops.Operands.requireDivisible;
import static io.github.ddpm4j.ops.Operands.requireRank;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * What a convolution reads: act(norm(concat(x, skip))). {@link ConvolutionOps#conv2d(
 * ConvolutionInput, Tensor, Tensor, Tensor, Tensor, Window)} computes it on the way, without it
 * ever being in memory, where no tape records and the device can do that.
 *
 * @param x [N,H,W,C]
 * @param skip [N,H,W,C'], whose channels stand behind those of x, or null
 * @param norm what the C + C' channels go through, or null
 */
public record ConvolutionInput(Tensor x, Tensor skip, Norm norm) {
  /**
   * A {@linkplain NormalizationOps#groupNorm group normalisation} of C channels.
   *
   * @param gamma [C]
   * @param beta [C]
   * @param modulation [N,2C], scales then shifts, or null
   * @param silu whether SiLU follows
   */
  public record Norm(
      Tensor gamma, Tensor beta, Tensor modulation, int groups, float eps, boolean silu) {}

  public ConvolutionInput {
    requireRank("x", x, 4);
    if (skip != null) {
      requireShape("skip", skip, x.shape().withLast(skip.dim(-1)));
    }
    if (norm != null) {
      int channels = channels(x, skip);
      requireDivisible("channels by groups", channels, norm.groups());
      requireShape("gamma", norm.gamma(), Shape.of(channels));
      requireShape("beta", norm.beta(), Shape.of(channels));
      requireShape("modulation", norm.modulation(), Shape.of(x.dim(0), 2 * channels));
    }
  }

  /** A tensor as it is. */
  public static ConvolutionInput of(Tensor x) {
    return new ConvolutionInput(x, null, null);
  }

  /** The channels of x, then those of skip; joined at once where a tape records. */
  public static ConvolutionInput join(Tensor x, Tensor skip) {
    return x.scope().tape() == null
        ? new ConvolutionInput(x, skip, null)
        : of(PointwiseOps.concat(x, skip));
  }

  /** The same channels, normalised. */
  public ConvolutionInput with(Norm other) {
    return new ConvolutionInput(x, skip, other);
  }

  /** The same, with results of ops on it going to another scope. */
  public ConvolutionInput in(Scope other) {
    return new ConvolutionInput(x.in(other), skip, norm);
  }

  /** All of it in memory, by one op after the other. */
  public Tensor tensor() {
    Tensor joined = skip == null ? x : PointwiseOps.concat(x, skip);
    return norm == null
        ? joined
        : NormalizationOps.groupNorm(
            joined,
            norm.gamma(),
            norm.beta(),
            norm.modulation(),
            norm.groups(),
            norm.eps(),
            norm.silu());
  }

  /** C + C'. */
  int channels() {
    return channels(x, skip);
  }

  private static int channels(Tensor x, Tensor skip) {
    return x.dim(3) + (skip == null ? 0 : skip.dim(-1));
  }
}
