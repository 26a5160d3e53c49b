package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Squared maximum mean discrepancy of two sets of features with the kernel (x·y/d + 1)³, d the
 * dimension (Bińkowski et al., arXiv 1801.01401, section 4): the KID, with features of the FID
 * Inception network. Its estimate is unbiased, so it may be a little below zero.
 *
 * <p>As in torch-fidelity the distance is the mean over random subsets of both sets, drawn without
 * repetition within a subset, and dot products are taken in float32; all else is in double. The
 * subsets are not those of NumPy's generator, but depend on the seed and the vectors only.
 * Immutable: each method returns a changed distance.
 */
public final class KernelDistance {
  private final int subsets;
  private final int subsetSize;
  private final long seed;

  private KernelDistance(int subsets, int subsetSize, long seed) {
    this.subsets = subsets;
    this.subsetSize = subsetSize;
    this.seed = seed;
  }

  /** As torch-fidelity: 100 subsets of 1000 vectors. */
  public static KernelDistance standard() {
    return new KernelDistance(100, 1000, 2020);
  }

  /**
   * @param subsets at least 1
   */
  public KernelDistance subsets(int subsets) {
    requireAtLeast("number of subsets", subsets, 1);
    return new KernelDistance(subsets, subsetSize, seed);
  }

  /**
   * @param subsetSize at least 2
   */
  public KernelDistance subsetSize(int subsetSize) {
    requireAtLeast("subset size", subsetSize, 2);
    return new KernelDistance(subsets, subsetSize, seed);
  }

  public KernelDistance seed(long seed) {
    return new KernelDistance(subsets, subsetSize, seed);
  }

  /**
   * The distance by subsets.
   *
   * @return mean and deviation over the subsets
   * @throws InvalidArgumentException if the dimensions differ, or a set is smaller than a subset
   */
  public Estimate between(FeatureSet a, FeatureSet b) {
    FeatureSet.requireDimension(b.dimension(), a.dimension());
    requireAtLeast("number of vectors", Math.min(a.count(), b.count()), subsetSize);
    float[][] allA = a.sorted();
    float[][] allB = b.sorted();
    SplittableRandom random = new SplittableRandom(seed);
    double[] distances = new double[subsets];
    for (int i = 0; i < subsets; i++) {
      distances[i] = unbiased(choose(allA, random), choose(allB, random));
    }
    return Estimate.of(distances);
  }

  /**
   * The distance by all pairs of vectors.
   *
   * @throws InvalidArgumentException if the dimensions differ, or a set has fewer than two vectors
   */
  public static double unbiased(FeatureSet a, FeatureSet b) {
    FeatureSet.requireDimension(b.dimension(), a.dimension());
    requireAtLeast("number of vectors", Math.min(a.count(), b.count()), 2);
    return unbiased(a.sorted(), b.sorted());
  }

  private static double unbiased(float[][] a, float[][] b) {
    double m = a.length;
    double n = b.length;
    return sum(a, a, true) / (m * (m - 1))
        + sum(b, b, true) / (n * (n - 1))
        - 2 * sum(a, b, false) / (m * n);
  }

  /** Sum of the kernel over pairs, without the pairs (i, i) if they are to be left out. */
  private static double sum(float[][] a, float[][] b, boolean withoutSame) {
    double gamma = 1.0 / a[0].length;
    double[] sum = {0};
    DotProducts.forEachBlock(
        a,
        b,
        (row, column, columns, products) -> {
          double block = 0;
          for (int p = 0; p < products.length; p++) {
            double base = products[p] * gamma + 1;
            boolean same = withoutSame && row + p / columns == column + p % columns;
            block += same ? 0 : base * base * base;
          }
          sum[0] += block;
        });
    return sum[0];
  }

  /** The first of the vectors in a random order. */
  private float[][] choose(float[][] all, SplittableRandom random) {
    float[][] shuffled = all.clone();
    for (int i = 0; i < subsetSize; i++) {
      int j = random.nextInt(i, all.length);
      float[] vector = shuffled[j];
      shuffled[j] = shuffled[i];
      shuffled[i] = vector;
    }
    return Arrays.copyOf(shuffled, subsetSize);
  }

  private static void requireAtLeast(String what, int value, int least) {
    if (value < least) {
      throw new InvalidArgumentException(what + " is " + value + ", expected at least " + least);
    }
  }
}
