package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.tensor.Tensor;

/**
 * The dropout of one forward pass. Each layer that drops takes the next draw of every image's
 * random stream, so the same seed and images give the same masks, whatever the batch.
 */
public final class Dropout {
  /** Drops nothing: what sampling uses. */
  public static final Dropout NONE = new Dropout(0, 0, 0);

  private final float probability;
  private final long seed;
  private final long firstImage;
  private int draw;

  /**
   * @param probability of an element to be dropped, in [0, 1)
   * @param seed not that of the noise of the same images, or masks and noise depend on each other
   * @param firstImage number of the batch's first image in its random stream
   */
  public Dropout(double probability, long seed, long firstImage) {
    if (!(probability >= 0 && probability < 1)) {
      throw new InvalidArgumentException(
          "dropout is " + probability + ", expected 0 <= dropout < 1");
    }
    this.probability = (float) probability;
    this.seed = seed;
    this.firstImage = firstImage;
  }

  /** x itself if nothing is dropped. */
  public Tensor apply(Tensor x) {
    return probability == 0 ? x : DiffusionOps.dropout(x, probability, seed, firstImage, draw++);
  }
}
