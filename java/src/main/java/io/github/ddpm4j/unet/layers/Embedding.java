package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * A table of learned vectors: indices [N] give [N,dim].
 *
 * <p>Parameter: {@code weight} [entries,dim].
 */
public final class Embedding {
  private final Parameter weight;

  public Embedding(Parameters.Path at, int entries, int dim) {
    weight = at.create("weight", Shape.of(entries, dim), Initializer.NORMAL);
  }

  /**
   * @param indices [N], whole numbers from 0 to entries - 1
   */
  public Tensor forward(Tensor indices) {
    return PointwiseOps.embedding(weight.value(), indices);
  }
}
