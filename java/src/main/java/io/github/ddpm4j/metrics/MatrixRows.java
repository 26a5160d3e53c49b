package io.github.ddpm4j.metrics;

/** Sums of rows, four at a time, which the JVM turns into vector instructions. */
final class MatrixRows {
  private MatrixRows() {}

  /**
   * Adds multiples of rows to one, from a column on: {@code y[j] += Σ_k factors[k] rows[k][j]}.
   *
   * @param count of rows to take
   */
  static void add(double[] y, double[] factors, double[][] rows, int count, int from) {
    int k = 0;
    for (; k + 4 <= count; k += 4) {
      double a = factors[k], b = factors[k + 1], c = factors[k + 2], d = factors[k + 3];
      double[] p = rows[k], q = rows[k + 1], r = rows[k + 2], s = rows[k + 3];
      for (int j = from; j < y.length; j++) {
        y[j] += (a * p[j] + b * q[j]) + (c * r[j] + d * s[j]);
      }
    }
    for (; k < count; k++) {
      double a = factors[k];
      double[] p = rows[k];
      for (int j = from; j < y.length; j++) {
        y[j] += a * p[j];
      }
    }
  }

  /** The transposed matrix. */
  static double[][] transpose(double[][] matrix) {
    double[][] transposed = new double[matrix[0].length][matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix[i].length; j++) {
        transposed[j][i] = matrix[i][j];
      }
    }
    return transposed;
  }
}
