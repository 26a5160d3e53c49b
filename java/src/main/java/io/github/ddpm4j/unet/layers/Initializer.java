package io.github.ddpm4j.unet.layers;

import java.util.SplittableRandom;

/** First values of a parameter. */
@FunctionalInterface
public interface Initializer {
  Initializer ZEROS = (values, random) -> {};

  Initializer ONES = (values, random) -> java.util.Arrays.fill(values, 1);

  /** Standard normal, as PyTorch's embeddings. */
  Initializer NORMAL =
      (values, random) -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) gaussian(random);
        }
      };

  /** Fills values, which are zero. */
  void fill(float[] values, SplittableRandom random);

  /**
   * Uniform in ±1/√fanIn: what PyTorch's convolution and linear layers start from, weights and
   * biases alike.
   */
  static Initializer uniform(int fanIn) {
    double bound = 1 / Math.sqrt(fanIn);
    return (values, random) -> {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
      }
    };
  }

  private static double gaussian(SplittableRandom random) {
    return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
        * Math.cos(2 * Math.PI * random.nextDouble());
  }
}
