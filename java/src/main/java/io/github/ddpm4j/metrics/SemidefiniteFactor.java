package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;

/**
 * Cholesky factors of matrices that may be singular, with complete pivoting (Higham, "Analysis of
 * the Cholesky decomposition of a semi-definite matrix", 1990), in blocks as LAPACK's dpstrf.
 */
final class SemidefiniteFactor {
  private static final int BLOCK = 32;

  /** A variance below this part of the largest is no rounding, not even of float32. */
  private static final double NEGATIVE = -1e-3;

  private SemidefiniteFactor() {}

  /**
   * Rows l_1 to l_r, r the numerical rank, with Σ_k l_k' l_k the matrix up to rounding.
   *
   * @param matrix symmetric, [n][n]
   * @throws InvalidArgumentException if the matrix has a clearly negative eigenvalue
   */
  static double[][] of(double[][] matrix) {
    int n = matrix.length;
    double[][] rest = new double[n][];
    double[] diagonal = new double[n];
    for (int i = 0; i < n; i++) {
      rest[i] = matrix[i].clone();
      diagonal[i] = matrix[i][i];
    }
    double largest = Arrays.stream(diagonal).max().getAsDouble();
    double tolerance = Math.max(0, n * Math.ulp(1.0) * largest);
    boolean[] used = new boolean[n];
    double[][] factor = new double[n][];
    int rank = 0;
    // What rows from `applied` on have not been taken off `rest` yet.
    int applied = 0;
    for (; rank < n; rank++) {
      int pivot = largest(diagonal, used);
      if (diagonal[pivot] <= tolerance) {
        break;
      }
      double[] row = rest[pivot].clone();
      subtract(row, factor, applied, rank, pivot);
      double root = Math.sqrt(diagonal[pivot]);
      used[pivot] = true;
      for (int j = 0; j < n; j++) {
        row[j] = used[j] && j != pivot ? 0 : row[j] / root;
      }
      row[pivot] = root;
      for (int j = 0; j < n; j++) {
        diagonal[j] -= row[j] * row[j];
      }
      factor[rank] = row;
      if (rank + 1 - applied == BLOCK) {
        for (int i = 0; i < n; i++) {
          if (!used[i]) {
            subtract(rest[i], factor, applied, rank + 1, i);
          }
        }
        applied = rank + 1;
      }
    }
    for (int i = 0; i < n; i++) {
      if (!used[i] && diagonal[i] < NEGATIVE * largest - Double.MIN_NORMAL) {
        throw new InvalidArgumentException(
            "a covariance is not positive semi-definite: variance "
                + diagonal[i]
                + " is left where the largest is "
                + largest);
      }
    }
    return Arrays.copyOf(factor, rank);
  }

  /** row -= Σ_k factor[k][column] factor[k], k from first to last - 1. */
  private static void subtract(double[] row, double[][] factor, int first, int last, int column) {
    double[][] rows = Arrays.copyOfRange(factor, first, last);
    double[] factors = new double[rows.length];
    for (int k = 0; k < rows.length; k++) {
      factors[k] = -rows[k][column];
    }
    MatrixRows.add(row, factors, rows, rows.length, 0);
  }

  private static int largest(double[] diagonal, boolean[] used) {
    int best = -1;
    for (int i = 0; i < diagonal.length; i++) {
      if (!used[i] && (best < 0 || diagonal[i] > diagonal[best])) {
        best = i;
      }
    }
    return best;
  }
}
