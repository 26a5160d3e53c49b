package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.memory;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tape;
import io.github.ddpm4j.tensor.Tensor;

/** Noise, the forward process and the step of the reverse process, over images [N,...]. */
public final class DiffusionOps {
  private DiffusionOps() {}

  /**
   * Fills out [N,...] with standard normal numbers of Philox4x32-10 (Salmon et al., SC 2011). Image
   * i of out has the numbers of stream (seed, firstImage + i) at position draw, whatever the batch.
   */
  public static Tensor randn(Tensor out, long seed, long firstImage, int draw) {
    check(
        NativeApi.ddpm_randn(
            out.memory(), out.dim(0), out.count() / out.dim(0), seed, firstImage, draw));
    return out;
  }

  /**
   * x / (1 - p) with probability 1 - p, else 0; numbers from the Philox streams as for {@link
   * #randn}.
   *
   * @param p in [0, 1)
   */
  public static Tensor dropout(Tensor x, float p, long seed, long firstImage, int draw) {
    Tensor y = x.scope().allocate(x.shape());
    int images = x.dim(0);
    check(
        NativeApi.ddpm_dropout(
            x.memory(), y.memory(), images, x.count() / images, p, seed, firstImage, draw));
    return Tape.record(y, dy -> x.addGradient(dropout(dy, p, seed, firstImage, draw)), x);
  }

  /**
   * Forward process (Ho et al., arXiv 2006.11239, eq. 4): signal[n] x0 + sigma[n] noise.
   *
   * @param signal √ᾱ of each image's timestep, [N]
   * @param sigma √(1-ᾱ) of each image's timestep, [N]
   */
  public static Tensor qSample(Tensor x0, Tensor noise, Tensor signal, Tensor sigma) {
    int images = x0.dim(0);
    requireShape("noise", noise, x0.shape());
    requireShape("signal", signal, Shape.of(images));
    requireShape("sigma", sigma, Shape.of(images));
    Tensor xt = x0.scope().allocate(x0.shape());
    check(
        NativeApi.ddpm_q_sample(
            x0.memory(),
            noise.memory(),
            signal.memory(),
            sigma.memory(),
            xt.memory(),
            images,
            x0.count() / images));
    return xt;
  }

  /**
   * Coefficients of a reverse step that is linear in x_t, the model's output and fresh noise.
   *
   * <p>x̂_0 = clamp(x0FromXt x_t + x0FromOutput output, ±clip), then x_{t-1} = fromX0 x̂_0 + fromXt
   * x_t + fromOutput output + fromNoise z.
   *
   * @param clip largest |x̂_0|; positive infinity for none
   */
  public record ReverseStep(
      double x0FromXt,
      double x0FromOutput,
      double clip,
      double fromX0,
      double fromXt,
      double fromOutput,
      double fromNoise) {}

  /**
   * Takes x_t to x_{t-1}.
   *
   * @param noise z, of x_t's shape; may be null if the step's fromNoise is 0
   * @param out receives x_{t-1}; may be xt
   * @param x0 receives x̂_0, or null
   */
  public static void reverseStep(
      Tensor xt, Tensor output, Tensor noise, Tensor out, Tensor x0, ReverseStep step) {
    requireShape("output", output, xt.shape());
    requireShape("noise", noise, xt.shape());
    requireShape("out", out, xt.shape());
    requireShape("x0", x0, xt.shape());
    check(
        NativeApi.ddpm_reverse_step(
            xt.memory(),
            output.memory(),
            memory(noise),
            out.memory(),
            memory(x0),
            xt.count(),
            (float) step.x0FromXt(),
            (float) step.x0FromOutput(),
            (float) step.clip(),
            (float) step.fromX0(),
            (float) step.fromXt(),
            (float) step.fromOutput(),
            (float) step.fromNoise()));
  }

  /** One summand of {@link #linearCombination}. */
  public record Term(double weight, Tensor x) {}

  /**
   * The sum of weight · x over the terms, added up in their order. Terms of weight 0 are left out,
   * whatever their x.
   *
   * @param out receives the sum; may be any of the terms' x
   * @param terms 1 to 8, of out's shape
   * @return out
   */
  public static Tensor linearCombination(Tensor out, Term... terms) {
    long[] x = new long[terms.length];
    float[] weights = new float[terms.length];
    for (int k = 0; k < terms.length; k++) {
      requireShape("x", terms[k].x(), out.shape());
      x[k] = terms[k].x().memory();
      weights[k] = (float) terms[k].weight();
    }
    check(NativeApi.ddpm_linear_combination(x, weights, terms.length, out.memory(), out.count()));
    return out;
  }
}
