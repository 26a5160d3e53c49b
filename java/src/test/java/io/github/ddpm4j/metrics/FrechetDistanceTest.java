package io.github.ddpm4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
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
    double trace = 0;
    for (int i = 0; i < 40; i++) {
      trace += few.covariance()[i][i];
    }
    // Roots of eigenvalues that are zero up to 1e-16 of the largest are up to 1e-8 of its root,
    // forty of them.
    assertThat(FrechetDistance.between(few, few)).isCloseTo(0, within(40 * 1e-7 * trace));
  }

  @Test
  void isSymmetric() {
    FeatureStatistics a = FeatureStatistics.of(normal(200, 12, 0, 1, 1));
    FeatureStatistics b = FeatureStatistics.of(normal(100, 12, 1, 0.5, 2));
    double distance = FrechetDistance.between(a, b);
    assertThat(FrechetDistance.between(b, a)).isCloseTo(distance, within(1e-9 * distance));
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
  }
}
