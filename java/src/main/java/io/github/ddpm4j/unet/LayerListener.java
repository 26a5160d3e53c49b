package io.github.ddpm4j.unet;

import io.github.ddpm4j.tensor.Tensor;

/** Told of what the layers of a network give, to compare it or to look at it. */
@FunctionalInterface
public interface LayerListener {
  /** Told of nothing. */
  LayerListener NONE = (name, output) -> {};

  /**
   * Called after a layer.
   *
   * @param name as in checkpoints, for example {@code down_blocks.0.resnets.1}; {@code conv_act} is
   *     the normalised and activated input of {@code conv_out}
   * @param output [N,H,W,C], or [N,D] of embeddings; not to be changed
   */
  void onLayer(String name, Tensor output);
}
