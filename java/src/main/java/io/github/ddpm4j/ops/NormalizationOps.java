package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.memory;
import static io.github.ddpm4j.ops.Operands.requireDivisible;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tape;
import io.github.ddpm4j.tensor.Tensor;

/** Normalisation. */
public final class NormalizationOps {
  private NormalizationOps() {}

  /**
   * Group normalisation (Wu and He, arXiv 1803.08494) over x [N,...,C], biased variance, then v (1
   * + scale) + shift by the modulation, then SiLU.
   *
   * @param gamma [C]
   * @param beta [C]
   * @param modulation [N,2C], scales then shifts, or null for none
   * @param silu whether SiLU follows
   */
  public static Tensor groupNorm(
      Tensor x, Tensor gamma, Tensor beta, Tensor modulation, int groups, float eps, boolean silu) {
    int n = x.dim(0), c = x.dim(-1);
    requireDivisible("channels by groups", c, groups);
    requireShape("gamma", gamma, Shape.of(c));
    requireShape("beta", beta, Shape.of(c));
    requireShape("modulation", modulation, Shape.of(n, 2 * c));
    int pixels = Math.toIntExact(x.count() / n / c);
    Tensor y = x.scope().allocate(x.shape());
    Tensor statistics = x.scope().allocate(Shape.of(n, groups, 2));
    check(
        NativeApi.ddpm_group_norm(
            x.memory(),
            gamma.memory(),
            beta.memory(),
            memory(modulation),
            y.memory(),
            statistics.memory(),
            n,
            pixels,
            c,
            groups,
            eps,
            silu ? 1 : 0));
    return Tape.record(
        y,
        dy -> {
          Tensor dx = dy.scope().allocate(x.shape());
          Tensor dModulation = modulation == null ? null : dy.scope().allocate(modulation.shape());
          // Frozen scales and shifts still need a place for the kernel to add to.
          Tensor dGamma =
              gamma.requiresGradient() ? gamma.gradient() : dy.scope().zeros(gamma.shape());
          Tensor dBeta = beta.requiresGradient() ? beta.gradient() : dy.scope().zeros(beta.shape());
          check(
              NativeApi.ddpm_group_norm_backward(
                  x.memory(),
                  gamma.memory(),
                  beta.memory(),
                  memory(modulation),
                  statistics.memory(),
                  dy.memory(),
                  dx.memory(),
                  dGamma.memory(),
                  dBeta.memory(),
                  memory(dModulation),
                  n,
                  pixels,
                  c,
                  groups,
                  silu ? 1 : 0));
          x.addGradient(dx);
          if (modulation != null) {
            modulation.addGradient(dModulation);
          }
        },
        x,
        gamma,
        beta,
        modulation);
  }
}
