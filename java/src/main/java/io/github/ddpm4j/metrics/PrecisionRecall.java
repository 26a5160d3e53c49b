package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;

/**
 * Improved precision and recall (Kynkäänniemi et al., arXiv 1904.06991, eq. 1 and 2): the part of
 * the samples that lie within the manifold of real images, and of the real images within that of
 * the samples. A manifold is the union of balls around a set's vectors that reach to their k-th
 * nearest neighbours in the set, the vector itself not counted.
 *
 * <p>Float32 products sort out what is clear; what is within their error is decided by distances in
 * double, so that every vector lies in its own ball and equal ones are at a distance of zero.
 */
public final class PrecisionRecall {
  private static final double UNIT_ROUNDOFF = 0x1p-24;

  private final int neighbours;

  private PrecisionRecall(int neighbours) {
    this.neighbours = neighbours;
  }

  /** As in the paper and torch-fidelity: k = 3. */
  public static PrecisionRecall standard() {
    return neighbours(3);
  }

  /**
   * @param k at least 1
   */
  public static PrecisionRecall neighbours(int k) {
    if (k < 1) {
      throw new InvalidArgumentException("neighbours are " + k + ", expected at least 1");
    }
    return new PrecisionRecall(k);
  }

  /**
   * @param precision 0 to 1, a measure of quality
   * @param recall 0 to 1, a measure of variety
   */
  public record Result(double precision, double recall) {}

  /**
   * @throws InvalidArgumentException if the dimensions differ, or a set has not more vectors than
   *     neighbours are asked for
   */
  public Result between(FeatureSet real, FeatureSet samples) {
    FeatureSet.requireDimension(samples.dimension(), real.dimension());
    int fewest = Math.min(real.count(), samples.count());
    if (fewest <= neighbours) {
      throw new InvalidArgumentException(
          "number of vectors is " + fewest + ", expected at least " + (neighbours + 1));
    }
    float[][] a = real.sorted();
    float[][] b = samples.sorted();
    return new Result(covered(b, a), covered(a, b));
  }

  /** The part of some vectors that lie in the manifold of others. */
  private double covered(float[][] vectors, float[][] others) {
    double[] radii = radii(others);
    double[] norms = norms(vectors);
    double[] otherNorms = norms(others);
    boolean[] inside = new boolean[vectors.length];
    DotProducts.forEachBlock(
        vectors,
        others,
        (row, column, columns, products) -> {
          for (int p = 0; p < products.length; p++) {
            int i = row + p / columns;
            int j = column + p % columns;
            if (inside[i]) {
              continue;
            }
            double distance = norms[i] + otherNorms[j] - 2.0 * products[p];
            double error = error(norms[i], otherNorms[j], vectors[i].length);
            if (distance - error <= radii[j]) {
              inside[i] =
                  distance + error <= radii[j] || distance(vectors[i], others[j]) <= radii[j];
            }
          }
        });
    int count = 0;
    for (boolean one : inside) {
      count += one ? 1 : 0;
    }
    return count / (double) vectors.length;
  }

  /** Squared distances to the k-th nearest others. */
  private double[] radii(float[][] vectors) {
    double[] norms = norms(vectors);
    double[][] nearest = new double[vectors.length][neighbours];
    for (double[] distances : nearest) {
      Arrays.fill(distances, Double.POSITIVE_INFINITY);
    }
    DotProducts.forEachBlock(
        vectors,
        vectors,
        (row, column, columns, products) -> {
          for (int p = 0; p < products.length; p++) {
            int i = row + p / columns;
            int j = column + p % columns;
            double distance = norms[i] + norms[j] - 2.0 * products[p];
            double error = error(norms[i], norms[j], vectors[i].length);
            if (i != j && distance - error < nearest[i][neighbours - 1]) {
              insert(nearest[i], distance(vectors[i], vectors[j]));
            }
          }
        });
    return Arrays.stream(nearest).mapToDouble(distances -> distances[neighbours - 1]).toArray();
  }

  /** Puts a value into an ascending list if it is less than the last, which drops out. */
  private static void insert(double[] ascending, double value) {
    int at = ascending.length - 1;
    if (value >= ascending[at]) {
      return;
    }
    for (; at > 0 && ascending[at - 1] > value; at--) {
      ascending[at] = ascending[at - 1];
    }
    ascending[at] = value;
  }

  /**
   * Bound on the error of a squared distance by a float32 dot product, in any order, underflow too.
   */
  private static double error(double norm, double otherNorm, int dimension) {
    return dimension * (2.1 * UNIT_ROUNDOFF * Math.sqrt(norm * otherNorm) + 2 * Float.MIN_NORMAL);
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double d = (double) a[i] - b[i];
      sum += d * d;
    }
    return sum;
  }

  private static double[] norms(float[][] vectors) {
    double[] norms = new double[vectors.length];
    for (int i = 0; i < norms.length; i++) {
      for (float value : vectors[i]) {
        norms[i] += (double) value * value;
      }
    }
    return norms;
  }
}
