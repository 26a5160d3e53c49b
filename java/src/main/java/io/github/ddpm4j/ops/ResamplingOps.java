package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.requireRank;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tape;
import io.github.ddpm4j.tensor.Tensor;

/** Up-sampling and pooling of x [N,H,W,C]. */
public final class ResamplingOps {
  private ResamplingOps() {}

  private interface Upsampling {
    int run(long source, long target, int n, int h, int w, int c);
  }

  /** Every pixel four times: [N,2H,2W,C]. */
  public static Tensor upsampleNearest(Tensor x) {
    return upsample(x, NativeApi::ddpm_upsample_nearest, NativeApi::ddpm_upsample_nearest_backward);
  }

  /**
   * Bilinear interpolation with half-pixel centres (PyTorch's {@code align_corners=False}):
   * [N,2H,2W,C].
   */
  public static Tensor upsampleBilinear(Tensor x) {
    return upsample(
        x, NativeApi::ddpm_upsample_bilinear, NativeApi::ddpm_upsample_bilinear_backward);
  }

  private static Tensor upsample(Tensor x, Upsampling forward, Upsampling backward) {
    requireRank("x", x, 4);
    int n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
    Tensor y = x.scope().allocate(Shape.of(n, 2 * h, 2 * w, c));
    check(forward.run(x.memory(), y.memory(), n, h, w, c));
    return Tape.record(
        y,
        dy -> {
          Tensor dx = dy.scope().allocate(x.shape());
          check(backward.run(dy.memory(), dx.memory(), n, h, w, c));
          x.addGradient(dx);
        },
        x);
  }

  /** Maximum over windows; padding counts as minus infinity. */
  public static Tensor maxPool(Tensor x, Window window) {
    requireRank("x", x, 4);
    int n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
    Tensor y = x.scope().allocate(window.output(x.shape(), c));
    check(
        NativeApi.ddpm_max_pool(
            x.memory(),
            y.memory(),
            n,
            h,
            w,
            c,
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW(),
            window.padTop(),
            window.padLeft(),
            window.padBottom(),
            window.padRight()));
    return Tape.record(
        y,
        dy -> {
          Tensor dx = dy.scope().allocate(x.shape());
          check(
              NativeApi.ddpm_max_pool_backward(
                  x.memory(),
                  dy.memory(),
                  dx.memory(),
                  n,
                  h,
                  w,
                  c,
                  window.height(),
                  window.width(),
                  window.strideH(),
                  window.strideW(),
                  window.padTop(),
                  window.padLeft(),
                  window.padBottom(),
                  window.padRight()));
          x.addGradient(dx);
        },
        x);
  }

  /**
   * Mean over windows.
   *
   * @param countPadding whether padding counts as zeros (PyTorch's {@code count_include_pad}) or is
   *     left out
   */
  public static Tensor averagePool(Tensor x, Window window, boolean countPadding) {
    requireRank("x", x, 4);
    int n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
    Tensor y = x.scope().allocate(window.output(x.shape(), c));
    check(
        NativeApi.ddpm_average_pool(
            x.memory(),
            y.memory(),
            n,
            h,
            w,
            c,
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW(),
            window.padTop(),
            window.padLeft(),
            window.padBottom(),
            window.padRight(),
            countPadding ? 1 : 0));
    return Tape.record(
        y,
        dy -> {
          Tensor dx = dy.scope().allocate(x.shape());
          check(
              NativeApi.ddpm_average_pool_backward(
                  dy.memory(),
                  dx.memory(),
                  n,
                  h,
                  w,
                  c,
                  window.height(),
                  window.width(),
                  window.strideH(),
                  window.strideW(),
                  window.padTop(),
                  window.padLeft(),
                  window.padBottom(),
                  window.padRight(),
                  countPadding ? 1 : 0));
          x.addGradient(dx);
        },
        x);
  }
}
