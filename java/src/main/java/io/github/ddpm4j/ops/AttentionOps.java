package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.requireDivisible;
import static io.github.ddpm4j.ops.Operands.requireRank;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tape;
import io.github.ddpm4j.tensor.Tensor;

/** Attention. */
public final class AttentionOps {
  private AttentionOps() {}

  /**
   * Multi-head scaled dot-product attention (Vaswani et al., arXiv 1706.03762, eq. 1): softmax(q k'
   * / sqrt(d)) v for every image and head, d = C / heads.
   *
   * @param q queries, [N,T,C]; k and v likewise
   * @return [N,T,C]
   */
  public static Tensor attention(Tensor q, Tensor k, Tensor v, int heads) {
    requireRank("q", q, 3);
    requireShape("k", k, q.shape());
    requireShape("v", v, q.shape());
    int n = q.dim(0), tokens = q.dim(1), channels = q.dim(2);
    requireDivisible("channels by heads", channels, heads);
    int headDim = channels / heads;
    float scale = (float) (1 / Math.sqrt(headDim));
    Tensor o = q.scope().allocate(q.shape());
    Tensor logSumExp =
        q.scope().tape() == null ? null : q.scope().allocate(Shape.of(n, heads, tokens));
    check(
        NativeApi.ddpm_attention(
            q.memory(),
            k.memory(),
            v.memory(),
            o.memory(),
            Operands.memory(logSumExp),
            n,
            tokens,
            heads,
            headDim,
            scale));
    return Tape.record(
        o,
        dO -> {
          Tensor dq = dO.scope().allocate(q.shape());
          Tensor dk = dO.scope().allocate(q.shape());
          Tensor dv = dO.scope().allocate(q.shape());
          check(
              NativeApi.ddpm_attention_backward(
                  q.memory(),
                  k.memory(),
                  v.memory(),
                  o.memory(),
                  logSumExp.memory(),
                  dO.memory(),
                  dq.memory(),
                  dk.memory(),
                  dv.memory(),
                  n,
                  tokens,
                  heads,
                  headDim,
                  scale));
          q.addGradient(dq);
          k.addGradient(dk);
          v.addGradient(dv);
        },
        q,
        k,
        v);
  }
}
