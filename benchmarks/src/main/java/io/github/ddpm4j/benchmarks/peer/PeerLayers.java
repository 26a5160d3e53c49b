package io.github.ddpm4j.benchmarks.peer;

import java.util.function.Supplier;

/**
 * Layers in another library, over {@link Weights}: run at once, or added to a graph. Pictures are
 * [N,C,H,W], tokens [N,T,C].
 *
 * @param <T> the library's tensors
 */
public interface PeerLayers<T> {
  /** Whether there are weights of a layer. */
  boolean has(String layer);

  /**
   * Convolution with bias.
   *
   * @param padding top, left, bottom, right
   */
  T conv(T x, String layer, int stride, int... padding);

  /** Linear map with bias over the last dimension. */
  T linear(T x, String layer);

  T groupNorm(T x, String layer, int groups, double eps);

  T silu(T x);

  T add(T a, T b);

  /** Adds vectors [N,C] to all pixels of their pictures. */
  T addToPixels(T pictures, T vectors);

  /** Concatenates channels. */
  T concat(T a, T b);

  /** Repeats every pixel twice in both directions. */
  T upsample(T x);

  /** The sinusoidal embedding of timesteps [N]: [N,dim]. */
  T sinusoids(T t, int dim, boolean flipSinToCos, int freqShift);

  T tokens(T pictures);

  /** Tokens as pictures of the size of others. */
  T pictures(T tokens, T like);

  /** softmax(q k' / sqrt(d)) v in a number of heads. */
  T attention(T q, T k, T v, int heads);

  /** Runs a part of a network; what it makes on the way may be freed. */
  T part(Supplier<T> work);
}
