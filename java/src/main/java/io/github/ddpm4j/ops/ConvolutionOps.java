package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.memory;
import static io.github.ddpm4j.ops.Operands.requireRank;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tape;
import io.github.ddpm4j.tensor.Tensor;

/** Convolutions and linear maps. */
public final class ConvolutionOps {
  private ConvolutionOps() {}

  /**
   * Convolution (cross-correlation, as in every deep-learning library) of x [N,H,W,C] with w
   * [K,R,S,C]: [N,OH,OW,K].
   *
   * @param bias [K], or null
   * @param imageBias [N,K], added to every pixel, or null: where the time embedding comes in
   * @param residual [N,OH,OW,K], added to the result, or null
   */
  public static Tensor conv2d(
      Tensor x, Tensor w, Tensor bias, Tensor imageBias, Tensor residual, Window window) {
    requireRank("x", x, 4);
    int k = w.dim(0);
    requireShape("w", w, Shape.of(k, window.height(), window.width(), x.dim(3)));
    requireShape("bias", bias, Shape.of(k));
    requireShape("imageBias", imageBias, Shape.of(x.dim(0), k));
    Shape output = window.output(x.shape(), k);
    requireShape("residual", residual, output);
    Tensor y = x.scope().allocate(output);
    convolve(x, w, bias, imageBias, residual, window, y);
    return Tape.record(
        y,
        dy -> {
          addWeightGradient(x, dy, w, bias, window);
          if (x.requiresGradient()) {
            x.addGradient(inputGradient(dy, w, null, x.shape(), window));
          }
          if (imageBias != null && imageBias.requiresGradient()) {
            imageBias.addGradient(PointwiseOps.sumPixels(dy));
          }
          if (residual != null) {
            residual.addGradient(dy);
          }
        },
        x,
        w,
        bias,
        imageBias,
        residual);
  }

  /**
   * {@link #conv2d(Tensor, Tensor, Tensor, Tensor, Tensor, Window)} of an input that is joined and
   * normalised on the way: the same bits as of its {@linkplain ConvolutionInput#tensor() tensor}.
   */
  public static Tensor conv2d(
      ConvolutionInput input,
      Tensor w,
      Tensor bias,
      Tensor imageBias,
      Tensor residual,
      Window window) {
    Tensor x = input.x(), skip = input.skip();
    ConvolutionInput.Norm norm = input.norm();
    if (x.scope().tape() != null || skip == null && norm == null) {
      return conv2d(input.tensor(), w, bias, imageBias, residual, window);
    }
    int n = x.dim(0), c = x.dim(3), channels = input.channels(), k = w.dim(0);
    requireShape("w", w, Shape.of(k, window.height(), window.width(), channels));
    requireShape("bias", bias, Shape.of(k));
    requireShape("imageBias", imageBias, Shape.of(n, k));
    Shape output = window.output(x.shape(), k);
    requireShape("residual", residual, output);
    Tensor y = x.scope().allocate(output);
    int status =
        NativeApi.ddpm_fused_conv2d(
            x.memory(),
            memory(skip),
            norm == null ? 0 : norm.gamma().memory(),
            norm == null ? 0 : norm.beta().memory(),
            norm == null ? 0 : memory(norm.modulation()),
            w.memory(),
            memory(bias),
            memory(imageBias),
            memory(residual),
            y.memory(),
            n,
            x.dim(1),
            x.dim(2),
            c,
            channels - c,
            norm == null ? 1 : norm.groups(),
            norm == null ? 1 : norm.eps(),
            norm != null && norm.silu() ? 1 : 0,
            k,
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW(),
            window.padTop(),
            window.padLeft(),
            window.padBottom(),
            window.padRight());
    if (status != NativeApi.DDPM_NOT_SUPPORTED) {
      check(status);
      return y;
    }
    try (Scope parts = Scope.open(x.device())) {
      convolve(input.in(parts).tensor(), w, bias, imageBias, residual, window, y);
      return y;
    }
  }

  private static void convolve(
      Tensor x, Tensor w, Tensor bias, Tensor imageBias, Tensor residual, Window window, Tensor y) {
    check(
        NativeApi.ddpm_conv2d(
            x.memory(),
            w.memory(),
            memory(bias),
            memory(imageBias),
            memory(residual),
            y.memory(),
            x.dim(0),
            x.dim(1),
            x.dim(2),
            x.dim(3),
            w.dim(0),
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW(),
            window.padTop(),
            window.padLeft(),
            window.padBottom(),
            window.padRight()));
  }

  /**
   * Transposed convolution of x [N,H,W,C] with w [C,R,S,K], the adjoint of the convolution from K
   * to C channels that the window describes: [N,H',W',K] with H' = (H-1) stride - padTop -
   * padBottom + R.
   *
   * @param bias [K], or null
   */
  public static Tensor convTranspose2d(Tensor x, Tensor w, Tensor bias, Window window) {
    requireRank("x", x, 4);
    requireRank("w", w, 4);
    int k = w.dim(3);
    requireShape("w", w, Shape.of(x.dim(3), window.height(), window.width(), k));
    requireShape("bias", bias, Shape.of(k));
    Shape output =
        Shape.of(
            x.dim(0),
            (x.dim(1) - 1) * window.strideH()
                - window.padTop()
                - window.padBottom()
                + window.height(),
            (x.dim(2) - 1) * window.strideW()
                - window.padLeft()
                - window.padRight()
                + window.width(),
            k);
    Tensor y = inputGradient(x, w, bias, output, window);
    return Tape.record(
        y,
        dy -> {
          // The roles are exchanged: what the adjoint convolution calls its input is this one's
          // output.
          addWeightGradient(dy, x, w, null, window);
          if (bias != null && bias.requiresGradient()) {
            Tensor perImage = PointwiseOps.sumPixels(dy);
            int images = perImage.dim(0);
            Tensor total = PointwiseOps.sumPixels(perImage.reshape(Shape.of(1, images, 1, k)));
            addInto(bias.gradient(), total);
          }
          if (x.requiresGradient()) {
            x.addGradient(conv2d(dy, w, null, null, null, window));
          }
        },
        x,
        w,
        bias);
  }

  private static void addInto(Tensor accumulator, Tensor contribution) {
    check(
        NativeApi.ddpm_add(
            accumulator.memory(),
            contribution.memory(),
            accumulator.memory(),
            accumulator.count()));
  }

  private static Tensor inputGradient(
      Tensor dy, Tensor w, Tensor bias, Shape input, Window window) {
    if (!window.output(input, w.dim(0)).equals(dy.shape())) {
      throw new InvalidArgumentException(
          "shape " + dy.shape() + " is not what " + window + " makes of " + input);
    }
    Tensor dx = dy.scope().allocate(input);
    check(
        NativeApi.ddpm_conv2d_backward_input(
            dy.memory(),
            w.memory(),
            memory(bias),
            dx.memory(),
            input.dim(0),
            input.dim(1),
            input.dim(2),
            input.dim(3),
            w.dim(0),
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW(),
            window.padTop(),
            window.padLeft(),
            window.padBottom(),
            window.padRight()));
    return dx;
  }

  private static void addWeightGradient(Tensor x, Tensor dy, Tensor w, Tensor bias, Window window) {
    if (!w.requiresGradient()) {
      return;
    }
    check(
        NativeApi.ddpm_conv2d_backward_weights(
            x.memory(),
            dy.memory(),
            w.gradient().memory(),
            bias == null ? 0 : bias.gradient().memory(),
            x.dim(0),
            x.dim(1),
            x.dim(2),
            x.dim(3),
            w.dim(0),
            window.height(),
            window.width(),
            window.strideH(),
            window.strideW(),
            window.padTop(),
            window.padLeft(),
            window.padBottom(),
            window.padRight()));
  }

  /**
   * y = x w' + bias + residual over the innermost dimension: x [..., in], w [out, in], y [...,
   * out].
   *
   * @param bias [out], or null
   * @param residual of y's shape, or null
   */
  public static Tensor linear(Tensor x, Tensor w, Tensor bias, Tensor residual) {
    requireRank("w", w, 2);
    int in = x.dim(-1), out = w.dim(0);
    requireShape("w", w, Shape.of(out, in));
    requireShape("bias", bias, Shape.of(out));
    Shape output = x.shape().withLast(out);
    requireShape("residual", residual, output);
    long rows = x.count() / in;
    Tensor y = x.scope().allocate(output);
    check(
        NativeApi.ddpm_linear(
            x.memory(), w.memory(), memory(bias), memory(residual), y.memory(), rows, in, out));
    return Tape.record(
        y,
        dy -> {
          if (w.requiresGradient()) {
            check(
                NativeApi.ddpm_linear_backward_weights(
                    x.memory(),
                    dy.memory(),
                    w.gradient().memory(),
                    bias == null ? 0 : bias.gradient().memory(),
                    rows,
                    in,
                    out));
          }
          if (x.requiresGradient()) {
            Tensor dx = dy.scope().allocate(x.shape());
            check(
                NativeApi.ddpm_linear_backward_input(
                    dy.memory(), w.memory(), dx.memory(), rows, in, out));
            x.addGradient(dx);
          }
          if (residual != null) {
            residual.addGradient(dy);
          }
        },
        x,
        w,
        bias,
        residual);
  }
}
