package io.github.ddpm4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.junit.jupiter.api.Test;

class FrechetDistanceTest {
  private static float[][] normal(int count, int dimension, double mean, double scale, long seed) {
    Random random = new Random(seed);
    float[][] vectors = new float[count][dimension];
    for (float[] vector : vectors) {
      for (int i = 0; i < dimension; i++) {
        vector[i] = (float) (mean + scale * (i + 1) * random.nextGaussian());
      }
    }
    return vectors;
  }

  /** Vectors whose sample mean and covariance are exactly mean and diag(variances). */
  private static FeatureStatistics diagonal(double[] mean, double[] variances) {
    int d = mean.length;
    FeatureStatistics statistics = new FeatureStatistics(d);
    for (int i = 0; i < d; i++) {
      for (int sign : new int[] {-1, 1}) {
        float[] vector = new float[d];
        for (int j = 0; j < d; j++) {
          vector[j] = (float) mean[j];
        }
        vector[i] += (float) (sign * Math.sqrt(variances[i] * (2 * d - 1) / 2));
        statistics.add(vector);
      }
    }
    return statistics;
  }

  @Test
  void ofDiagonalCovariancesIsTheClosedForm() {
    // (1-3)^2 + (2-2)^2 + (2-3)^2 + (1-5)^2, for standard deviations 2 and 3, 1 and 5.
    double distance =
        FrechetDistance.between(
            diagonal(new double[] {1, 2}, new double[] {4, 1}),
            diagonal(new double[] {3, 2}, new double[] {9, 25}));
    assertThat(distance).isCloseTo(4 + 1 + 16, within(1e-5));
  }

  @Test
  void toItselfIsZeroEvenWithFewerVectorsThanDimensions() {
    FeatureStatistics few = FeatureStatistics.of(normal(10, 40, 1, 0.1, 1));
    assertThat(FrechetDistance.between(few, few))
        .isCloseTo(0, within(1e-12 * few.gaussian().trace()));
  }

  @Test
  void isNumPys() {
    double full =
        FrechetDistance.between(
            FeatureStatistics.of(TestFeatures.whole(60, 8, 1)),
            FeatureStatistics.of(TestFeatures.whole(50, 8, 2)));
    assertThat(full).isCloseTo(1.9992924466603768, withinPercentage(1e-9));
    // Fewer vectors than dimensions: by singular values of the vectors themselves.
    double few =
        FrechetDistance.between(
            FeatureStatistics.of(TestFeatures.whole(9, 40, 1)),
            FeatureStatistics.of(TestFeatures.whole(14, 40, 2)));
    assertThat(few).isCloseTo(209.50764530225317, withinPercentage(1e-9));
  }

  @Property(tries = 20)
  void ofCommutingCovariancesIsTheClosedForm(
      @ForAll @IntRange(min = 1, max = 40) int d, @ForAll long seed) {
    // Rotated by a reflection; a third of the variances are zero.
    Random random = new Random(seed);
    double[] v = new double[d];
    double[] first = new double[d];
    double[] second = new double[d];
    double norm = 0;
    double expected = 0;
    double scale = 0;
    for (int i = 0; i < d; i++) {
      v[i] = random.nextGaussian();
      norm += v[i] * v[i];
      first[i] = random.nextInt(3) == 0 ? 0 : random.nextDouble();
      second[i] = random.nextInt(3) == 0 ? 0 : 10 * random.nextDouble();
      expected += Math.pow(Math.sqrt(first[i]) - Math.sqrt(second[i]), 2);
      scale += first[i] + second[i];
    }
    double distance =
        FrechetDistance.between(reflected(first, v, norm), reflected(second, v, norm));
    assertThat(distance).isCloseTo(expected, within(1e-7 * scale));
  }

  /** H diag(variances) H with H = 1 - 2vv'/v'v. */
  private static Gaussian reflected(double[] variances, double[] v, double norm) {
    int d = v.length;
    double[][] covariance = new double[d][d];
    for (int k = 0; k < d; k++) {
      for (int i = 0; i < d; i++) {
        for (int j = 0; j < d; j++) {
          double hik = (i == k ? 1 : 0) - 2 * v[i] * v[k] / norm;
          double hjk = (j == k ? 1 : 0) - 2 * v[j] * v[k] / norm;
          covariance[i][j] += hik * variances[k] * hjk;
        }
      }
    }
    return new Gaussian(new double[d], covariance);
  }

  @Test
  void agreesWithTheSquareRootByNewtonsIteration() {
    int d = 70;
    Gaussian a = FeatureStatistics.of(TestFeatures.normal(300, d, 0, 1, 1)).gaussian();
    Gaussian b = FeatureStatistics.of(TestFeatures.normal(250, d, 0.2, 2, 2)).gaussian();
    // Denman and Beavers' iteration: Y to the root of C1 C2, which is not symmetric.
    DMatrixRMaj y = new DMatrixRMaj(d, d);
    CommonOps_DDRM.mult(new DMatrixRMaj(a.covariance()), new DMatrixRMaj(b.covariance()), y);
    DMatrixRMaj z = CommonOps_DDRM.identity(d);
    for (int i = 0; i < 30; i++) {
      DMatrixRMaj inverseY = y.copy();
      DMatrixRMaj inverseZ = z.copy();
      CommonOps_DDRM.invert(inverseY);
      CommonOps_DDRM.invert(inverseZ);
      CommonOps_DDRM.add(0.5, y, 0.5, inverseZ, y);
      CommonOps_DDRM.add(0.5, z, 0.5, inverseY, z);
    }
    double expected = a.trace() + b.trace() - 2 * CommonOps_DDRM.trace(y);
    for (int i = 0; i < d; i++) {
      expected += Math.pow(a.mean()[i] - b.mean()[i], 2);
    }
    assertThat(FrechetDistance.between(a, b)).isCloseTo(expected, withinPercentage(1e-6));
  }

  @Test
  void ofCovariancesOfRankOneIsTheClosedForm() {
    int d = 50;
    double[] u = new double[d];
    double[] v = new double[d];
    double[][] a = new double[d][d];
    double[][] b = new double[d][d];
    Random random = new Random(1);
    double expected = 0;
    double product = 0;
    for (int i = 0; i < d; i++) {
      u[i] = random.nextGaussian();
      v[i] = random.nextGaussian();
      expected += u[i] * u[i] + v[i] * v[i];
      product += u[i] * v[i];
    }
    for (int i = 0; i < d; i++) {
      for (int j = 0; j < d; j++) {
        a[i][j] = u[i] * u[j];
        b[i][j] = v[i] * v[j];
      }
    }
    double[] mean = new double[d];
    assertThat(FrechetDistance.between(new Gaussian(mean, a), new Gaussian(mean, b)))
        .isCloseTo(expected - 2 * Math.abs(product), withinPercentage(1e-10));
    assertThat(FrechetDistance.between(new Gaussian(mean, a), new Gaussian(mean, new double[d][d])))
        .isCloseTo(new Gaussian(mean, a).trace(), withinPercentage(1e-10));
  }

  @Test
  void isSymmetric() {
    FeatureStatistics a = FeatureStatistics.of(normal(200, 12, 0, 1, 1));
    FeatureStatistics b = FeatureStatistics.of(normal(100, 12, 1, 0.5, 2));
    double distance = FrechetDistance.between(a, b);
    assertThat(FrechetDistance.between(b, a)).isCloseTo(distance, within(1e-9 * distance));
  }

  @Test
  void partsMergeToTheWholeInAnyOrder() {
    float[][] vectors = normal(400, 5, 1000, 0.01, 1);
    Gaussian whole = FeatureStatistics.of(vectors).gaussian();
    float[][] shuffled = TestFeatures.shuffled(vectors, 2);
    FeatureStatistics merged = FeatureStatistics.of(Arrays.copyOfRange(shuffled, 0, 70));
    FeatureStatistics rest = FeatureStatistics.of(Arrays.copyOfRange(shuffled, 70, 390));
    rest.merge(FeatureStatistics.of(Arrays.copyOfRange(shuffled, 390, 400)));
    merged.merge(new FeatureStatistics(5));
    merged.merge(rest);
    for (int i = 0; i < 5; i++) {
      assertThat(merged.mean()[i]).isCloseTo(whole.mean()[i], within(1e-12 * 1000));
      for (int j = 0; j < 5; j++) {
        // Deviations of 0.05 at most beside means of 1000, which are rounded by 1e-13.
        assertThat(merged.covariance()[i][j])
            .isCloseTo(whole.covariance()[i][j], within(1e-11 * whole.covariance()[4][4]));
      }
    }
  }

  @Property(tries = 30)
  void halvesMergeToTheWhole(@ForAll @IntRange(min = 0, max = 50) int cut, @ForAll long seed) {
    float[][] vectors = normal(50, 5, 3, 1, seed);
    FeatureStatistics whole = FeatureStatistics.of(vectors);
    FeatureStatistics left = new FeatureStatistics(5);
    FeatureStatistics right = new FeatureStatistics(5);
    for (int i = 0; i < vectors.length; i++) {
      (i < cut ? left : right).add(vectors[i]);
    }
    left.merge(right);
    assertThat(left.count()).isEqualTo(50);
    for (int i = 0; i < 5; i++) {
      assertThat(left.mean()[i]).isCloseTo(whole.mean()[i], within(1e-12));
      for (int j = 0; j < 5; j++) {
        assertThat(left.covariance()[i][j]).isCloseTo(whole.covariance()[i][j], within(1e-10));
      }
    }
  }

  @Test
  void badStatisticsAreRefused() {
    FeatureStatistics one = FeatureStatistics.of(normal(1, 3, 0, 1, 1));
    assertThatThrownBy(one::covariance)
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("1 vectors");
    assertThatThrownBy(() -> FrechetDistance.between(one, new FeatureStatistics(4)))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("3 and 4");
    double[][] indefinite = {{1, 2}, {2, 1}};
    Gaussian broken = new Gaussian(new double[2], indefinite);
    assertThatThrownBy(() -> FrechetDistance.between(broken, broken))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("not positive semi-definite");
    assertThatThrownBy(() -> new Gaussian(new double[2], new double[][] {{1, 0}, {1, 1}}))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("symmetric");
    assertThatThrownBy(() -> new Gaussian(new double[2], new double[][] {{1, 0}}))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("2 and covariance 1");
  }
}
