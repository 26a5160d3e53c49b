package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;

/**
 * A normal distribution of features: what pytorch-fid's statistics files hold.
 *
 * @param mean [d], finite
 * @param covariance [d][d], finite and symmetric
 */
public record Gaussian(double[] mean, double[][] covariance) {
  /** Unequal by more than this part of the largest entry, two triangles are not one matrix. */
  private static final double ASYMMETRY = 1e-3;

  /**
   * @throws InvalidArgumentException if sizes do not fit, or values are not finite or not symmetric
   */
  public Gaussian {
    int d = mean.length;
    if (d == 0 || covariance.length != d) {
      throw new InvalidArgumentException(
          "mean has "
              + d
              + " and covariance "
              + covariance.length
              + " rows, expected as many, at least 1");
    }
    double largest = 0;
    for (int i = 0; i < d; i++) {
      if (covariance[i].length != d) {
        throw new InvalidArgumentException(
            "row "
                + i
                + " of the covariance has "
                + covariance[i].length
                + " values, expected "
                + d);
      }
      requireFinite("mean", mean[i]);
      for (double value : covariance[i]) {
        requireFinite("covariance", value);
        largest = Math.max(largest, Math.abs(value));
      }
    }
    for (int i = 0; i < d; i++) {
      for (int j = 0; j < i; j++) {
        if (Math.abs(covariance[i][j] - covariance[j][i]) > ASYMMETRY * largest) {
          throw new InvalidArgumentException(
              String.format(
                  "covariance (%d, %d) is %s and (%d, %d) %s, expected a symmetric matrix",
                  i, j, covariance[i][j], j, i, covariance[j][i]));
        }
      }
    }
  }

  public int dimension() {
    return mean.length;
  }

  /** Sum of the variances. */
  double trace() {
    double trace = 0;
    for (int i = 0; i < mean.length; i++) {
      trace += covariance[i][i];
    }
    return trace;
  }

  private static void requireFinite(String name, double value) {
    if (!Double.isFinite(value)) {
      throw new InvalidArgumentException(name + " holds " + value + ", expected finite values");
    }
  }
}
