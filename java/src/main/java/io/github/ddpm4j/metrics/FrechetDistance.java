package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * Fréchet distance between the normal distributions of two sets of features (Heusel et al., arXiv
 * 1706.08500, eq. 6): ‖m₁-m₂‖² + tr(C₁ + C₂ - 2 (C₁C₂)^½). With features of the FID Inception
 * network it is the FID; covariances have the divisor n - 1, as in pytorch-fid and torch-fidelity.
 *
 * <p>With C₁ = L₁L₁' and C₂ = L₂L₂' the trace of the square root is the sum of the singular values
 * of L₁'L₂: the squares of these are the eigenvalues of C₁C₂. The factors have as many columns as
 * the covariances have rank, so fewer vectors than dimensions need no care, no root of rounding
 * noise is taken, and two equal distributions are at a distance of zero up to rounding.
 * (pytorch-fid adds 1e-6 to the variances where a covariance is singular, which this does not.)
 */
public final class FrechetDistance {
  private FrechetDistance() {}

  /**
   * @throws InvalidArgumentException if the dimensions differ, or either has gathered fewer than
   *     two vectors
   */
  public static double between(FeatureStatistics a, FeatureStatistics b) {
    requireSame(a.dimension(), b.dimension());
    return between(a.gaussian(), b.gaussian());
  }

  /**
   * @throws InvalidArgumentException if the dimensions differ, or a covariance has a clearly
   *     negative eigenvalue
   */
  public static double between(Gaussian a, Gaussian b) {
    requireSame(a.dimension(), b.dimension());
    double distance = a.trace() + b.trace() - 2 * traceOfRoot(a.covariance(), b.covariance());
    for (int i = 0; i < a.dimension(); i++) {
      distance += (a.mean()[i] - b.mean()[i]) * (a.mean()[i] - b.mean()[i]);
    }
    return distance;
  }

  /** tr (C₁C₂)^½. */
  private static double traceOfRoot(double[][] a, double[][] b) {
    double[][] left = SemidefiniteFactor.of(a);
    double[][] right = SemidefiniteFactor.of(b);
    if (left.length == 0 || right.length == 0) {
      return 0;
    }
    double[][] columns = MatrixRows.transpose(right);
    DMatrixRMaj product = new DMatrixRMaj(left.length, right.length);
    double[] row = new double[right.length];
    for (int i = 0; i < left.length; i++) {
      Arrays.fill(row, 0);
      MatrixRows.add(row, left[i], columns, columns.length, 0);
      System.arraycopy(row, 0, product.data, i * right.length, right.length);
    }
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(left.length, right.length, false, false, false);
    if (!svd.decompose(product)) {
      throw new InvalidArgumentException(
          "the singular values of covariances do not converge: are features very large?");
    }
    return Arrays.stream(svd.getSingularValues(), 0, svd.numberOfSingularValues()).sum();
  }

  private static void requireSame(int a, int b) {
    if (a != b) {
      throw new InvalidArgumentException(
          "dimensions are " + a + " and " + b + ", expected equal ones");
    }
  }
}
