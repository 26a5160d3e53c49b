package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;

/**
 * Mean and covariance of feature vectors, gathered a block of vectors at a time in double precision
 * around the block's mean. Parts gathered apart, on other threads or machines, merge to the whole,
 * in any order (Chan, Golub and LeVeque, "Updating formulae", 1979), but for rounding: the mean and
 * the covariance are as exact as double sums of deviations, not the same bits for every order.
 */
public final class FeatureStatistics {
  /**
   * Vectors that are kept until they are added up: the covariance is walked through once for all.
   */
  private static final int BLOCK = 64;

  private final double[] mean;

  /** Sums of products of deviations from the mean; only the upper triangle is kept. */
  private final double[][] scatter;

  private final double[][] pending = new double[BLOCK][];
  private int waiting;

  /** Of the vectors that are in the mean and scatter. */
  private long count;

  /**
   * @param dimension of the vectors, at least 1
   */
  public FeatureStatistics(int dimension) {
    if (dimension < 1) {
      throw new InvalidArgumentException("dimension is " + dimension + ", expected at least 1");
    }
    mean = new double[dimension];
    scatter = new double[dimension][dimension];
  }

  /** Statistics of vectors of one dimension, at least one. */
  public static FeatureStatistics of(float[][] vectors) {
    if (vectors.length == 0) {
      throw new InvalidArgumentException("0 vectors given, expected at least 1");
    }
    FeatureStatistics statistics = new FeatureStatistics(vectors[0].length);
    for (float[] vector : vectors) {
      statistics.add(vector);
    }
    return statistics;
  }

  /**
   * Adds a vector.
   *
   * @throws InvalidArgumentException if it is of another dimension, or not finite
   */
  public void add(float[] vector) {
    FeatureSet.requireVector(vector, mean.length);
    double[] copy = new double[mean.length];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = vector[i];
    }
    pending[waiting++] = copy;
    if (waiting == BLOCK) {
      flush();
    }
  }

  /** Adds the vectors that another one has gathered. */
  public void merge(FeatureStatistics other) {
    FeatureSet.requireDimension(other.mean.length, mean.length);
    flush();
    other.flush();
    for (int i = 0; i < mean.length; i++) {
      for (int j = i; j < mean.length; j++) {
        scatter[i][j] += other.scatter[i][j];
      }
    }
    moveMean(other.mean, other.count);
  }

  /** Takes the pending vectors into the mean and scatter. */
  private void flush() {
    if (waiting == 0) {
      return;
    }
    int d = mean.length;
    double[] blockMean = new double[d];
    for (int i = 0; i < d; i++) {
      for (int k = 0; k < waiting; k++) {
        blockMean[i] += pending[k][i];
      }
      blockMean[i] /= waiting;
      for (int k = 0; k < waiting; k++) {
        pending[k][i] -= blockMean[i];
      }
    }
    double[] factors = new double[waiting];
    for (int i = 0; i < d; i++) {
      for (int k = 0; k < waiting; k++) {
        factors[k] = pending[k][i];
      }
      MatrixRows.add(scatter[i], factors, pending, waiting, i);
    }
    int added = waiting;
    waiting = 0;
    moveMean(blockMean, added);
  }

  /** Joins n vectors of another mean whose scatter has been added. */
  private void moveMean(double[] other, long n) {
    if (n == 0) {
      return;
    }
    long total = count + n;
    double weight = (double) count * n / total;
    double[] apart = new double[mean.length];
    for (int i = 0; i < mean.length; i++) {
      apart[i] = other[i] - mean[i];
    }
    for (int i = 0; i < mean.length; i++) {
      double factor = weight * apart[i];
      for (int j = i; j < mean.length; j++) {
        scatter[i][j] += factor * apart[j];
      }
      mean[i] += apart[i] * n / total;
    }
    count = total;
  }

  public long count() {
    return count + waiting;
  }

  public int dimension() {
    return mean.length;
  }

  public double[] mean() {
    flush();
    return mean.clone();
  }

  /**
   * The covariance with divisor n - 1.
   *
   * @throws InvalidArgumentException if fewer than two vectors have been added
   */
  public double[][] covariance() {
    flush();
    if (count < 2) {
      throw new InvalidArgumentException(
          count + " vectors gathered, expected at least 2 for a covariance");
    }
    double[][] covariance = new double[mean.length][mean.length];
    for (int i = 0; i < mean.length; i++) {
      for (int j = i; j < mean.length; j++) {
        covariance[i][j] = scatter[i][j] / (count - 1);
        covariance[j][i] = covariance[i][j];
      }
    }
    return covariance;
  }

  /**
   * The normal distribution of this mean and covariance.
   *
   * @throws InvalidArgumentException if fewer than two vectors have been added
   */
  public Gaussian gaussian() {
    return new Gaussian(mean(), covariance());
  }
}
