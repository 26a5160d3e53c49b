package io.github.ddpm4j.sampler;

/** Small systems of linear equations. */
final class LinearSystem {
  private LinearSystem() {}

  /**
   * Solves A x = b by Gaussian elimination with row pivots.
   *
   * @param rows each a row of A and its entry of b; overwritten
   */
  static double[] solve(double[][] rows) {
    int n = rows.length;
    for (int column = 0; column < n; column++) {
      int pivot = column;
      for (int row = column + 1; row < n; row++) {
        if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) {
          pivot = row;
        }
      }
      double[] chosen = rows[pivot];
      rows[pivot] = rows[column];
      rows[column] = chosen;
      for (int row = column + 1; row < n; row++) {
        double factor = rows[row][column] / chosen[column];
        for (int k = column; k <= n; k++) {
          rows[row][k] -= factor * chosen[k];
        }
      }
    }
    double[] x = new double[n];
    for (int row = n - 1; row >= 0; row--) {
      double rest = rows[row][n];
      for (int k = row + 1; k < n; k++) {
        rest -= rows[row][k] * x[k];
      }
      x[row] = rest / rows[row][row];
    }
    return x;
  }
}
