package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.AttentionOps;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Self-attention between the pixels of a picture, as a residual branch: x + to_out(attention(q, k,
 * v)) with q, k, v linear in the normalised x (Vaswani et al., arXiv 1706.03762; Ho et al., arXiv
 * 2006.11239, appendix B). [N,H,W,C] gives the same shape.
 *
 * <p>The heads may have fewer channels together than the picture.
 *
 * <p>Parameters: {@code group_norm}, {@code to_q}, {@code to_k}, {@code to_v}, {@code to_out.0}.
 */
public final class Attention {
  private final GroupNorm norm;
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final Linear toOut;
  private final int channels;
  private final int heads;
  private final int headDim;

  /**
   * @param channels divisible by groups
   * @param headDim channels of a head
   * @param groups of the normalisation; 0 for no normalisation
   */
  public Attention(
      Parameters.Path at,
      int channels,
      int heads,
      int headDim,
      int groups,
      double eps,
      Initialization initialization) {
    this.channels = channels;
    this.heads = heads;
    this.headDim = headDim;
    int inner = heads * headDim;
    norm =
        groups == 0
            ? null
            : new GroupNorm(at.sub("group_norm"), channels, groups, eps, GroupNorm.Activation.NONE);
    toQ = new Linear(at.sub("to_q"), channels, inner);
    toK = new Linear(at.sub("to_k"), channels, inner);
    toV = new Linear(at.sub("to_v"), channels, inner);
    toOut = new Linear(at.sub("to_out", 0), inner, channels, initialization.output(inner));
  }

  public Tensor forward(Tensor x) {
    try (Temporaries temporaries = Temporaries.of(x)) {
      Tensor h = temporaries.own(x);
      Tensor tokens =
          (norm == null ? h : norm.forward(h))
              .reshape(Shape.of(x.dim(0), x.dim(1) * x.dim(2), channels));
      Tensor mixed =
          AttentionOps.attention(
              toQ.forward(tokens), toK.forward(tokens), toV.forward(tokens), heads);
      return toOut.forward(
          temporaries.result(mixed.reshape(x.shape().withLast(heads * headDim))), x);
    }
  }

  /**
   * Multiplications for pictures of a number of pixels: four linear maps and two products of all
   * pairs.
   */
  public long macs(long pixels) {
    return 4 * toQ.macs(pixels) + 2 * pixels * pixels * heads * headDim;
  }
}
