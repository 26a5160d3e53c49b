package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.memory;
import static io.github.ddpm4j.ops.Operands.requireRank;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tape;
import io.github.ddpm4j.tensor.Tensor;

/** Ops on single elements, rows and tables. */
public final class PointwiseOps {
  private PointwiseOps() {}

  /** x / (1 + exp(-x)). */
  public static Tensor silu(Tensor x) {
    Tensor y = x.scope().allocate(x.shape());
    check(NativeApi.ddpm_silu(x.memory(), y.memory(), x.count()));
    return Tape.record(
        y,
        dy -> {
          Tensor dx = dy.scope().allocate(x.shape());
          check(NativeApi.ddpm_silu_backward(x.memory(), dy.memory(), dx.memory(), x.count()));
          x.addGradient(dx);
        },
        x);
  }

  /** a + b, of the same shape. */
  public static Tensor add(Tensor a, Tensor b) {
    requireShape("b", b, a.shape());
    Tensor y = a.scope().allocate(a.shape());
    check(NativeApi.ddpm_add(a.memory(), b.memory(), y.memory(), a.count()));
    return Tape.record(
        y,
        dy -> {
          a.addGradient(dy);
          b.addGradient(dy);
        },
        a,
        b);
  }

  /** factor * x. */
  public static Tensor scale(Tensor x, float factor) {
    Tensor y = x.scope().allocate(x.shape());
    check(NativeApi.ddpm_scale(x.memory(), y.memory(), x.count(), factor));
    return Tape.record(y, dy -> x.addGradient(scale(dy, factor)), x);
  }

  /** The channels of a, then those of b: a [...,CA] and b [...,CB] give [...,CA+CB]. */
  public static Tensor concat(Tensor a, Tensor b) {
    int ca = a.dim(-1), cb = b.dim(-1);
    requireShape("b", b, a.shape().withLast(cb));
    long rows = a.count() / ca;
    Tensor y = a.scope().allocate(a.shape().withLast(ca + cb));
    check(NativeApi.ddpm_concat(a.memory(), b.memory(), y.memory(), rows, ca, cb));
    return Tape.record(
        y,
        dy -> {
          Tensor da = a.requiresGradient() ? dy.scope().allocate(a.shape()) : null;
          Tensor db = b.requiresGradient() ? dy.scope().allocate(b.shape()) : null;
          check(NativeApi.ddpm_concat_backward(dy.memory(), memory(da), memory(db), rows, ca, cb));
          if (da != null) {
            a.addGradient(da);
          }
          if (db != null) {
            b.addGradient(db);
          }
        },
        a,
        b);
  }

  /** The first and the last of the channels: x [...,C] gives [...,count] and [...,C-count]. */
  public static Tensor[] split(Tensor x, int count) {
    int channels = x.dim(-1);
    if (count < 1 || count >= channels) {
      throw new InvalidArgumentException(
          "split after channel " + count + ", expected 1 to " + (channels - 1));
    }
    Tensor first = x.scope().allocate(x.shape().withLast(count));
    Tensor last = x.scope().allocate(x.shape().withLast(channels - count));
    check(
        NativeApi.ddpm_concat_backward(
            x.memory(),
            first.memory(),
            last.memory(),
            x.count() / channels,
            count,
            channels - count));
    return new Tensor[] {first, last};
  }

  /**
   * Sum over the pixels of every image: x [N,...,C] gives [N,C]. Not recorded: it serves gradients.
   */
  static Tensor sumPixels(Tensor x) {
    int n = x.dim(0), c = x.dim(-1);
    Tensor y = x.scope().allocate(Shape.of(n, c));
    check(
        NativeApi.ddpm_sum_pixels(
            x.memory(), y.memory(), n, Math.toIntExact(x.count() / n / c), c));
    return y;
  }

  /**
   * Sinusoidal embedding of timesteps (Vaswani et al., arXiv 1706.03762, section 3.5): [N,dim] =
   * [sin(t f_k), cos(t f_k)] with f_k = exp(-ln(10000) k / (dim/2 - freqShift)). As in PyTorch, f_k
   * and t f_k are rounded to float.
   *
   * @param t timesteps as floats, [N]
   * @param dim even
   * @param flipSinToCos cosines first, as diffusers' flag of that name
   */
  public static Tensor timeEmbedding(Tensor t, int dim, boolean flipSinToCos, float freqShift) {
    requireRank("t", t, 1);
    Tensor out = t.scope().allocate(Shape.of(t.dim(0), dim));
    check(
        NativeApi.ddpm_time_embedding(
            t.memory(), out.memory(), t.dim(0), dim, flipSinToCos ? 1 : 0, freqShift));
    return out;
  }

  /**
   * Rows of a table [entries,dim]: [N,dim].
   *
   * @param indices [N], whole numbers from 0 to entries - 1
   */
  public static Tensor embedding(Tensor table, Tensor indices) {
    requireRank("table", table, 2);
    requireRank("indices", indices, 1);
    int n = indices.dim(0), entries = table.dim(0), dim = table.dim(1);
    if (table.requiresGradient() && table.gradient() == null) {
      throw new InvalidArgumentException("the table's gradient needs a place to be added to");
    }
    Tensor out = indices.scope().allocate(Shape.of(n, dim));
    check(
        NativeApi.ddpm_embedding(table.memory(), indices.memory(), out.memory(), n, entries, dim));
    return Tape.record(
        out,
        dy ->
            check(
                NativeApi.ddpm_embedding_backward(
                    dy.memory(), indices.memory(), table.gradient().memory(), n, entries, dim)),
        table);
  }
}
