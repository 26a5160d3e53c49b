package io.github.ddpm4j.metrics;

import static io.github.ddpm4j.metrics.TestFeatures.merged;
import static io.github.ddpm4j.metrics.TestFeatures.normal;
import static io.github.ddpm4j.metrics.TestFeatures.whole;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** KID, Inception score, precision and recall: known figures, and the same bits in any order. */
class FeatureSetMetricsTest {
  private static final FeatureSet A = FeatureSet.of(whole(60, 8, 1));
  private static final FeatureSet B = FeatureSet.of(whole(50, 8, 2));

  @Test
  void kernelDistanceIsNumPys() {
    // Float32 products of numbers around 300 and cubes of their sums.
    assertThat(KernelDistance.unbiased(A, B)).isCloseTo(-39.75305047605798, withinPercentage(1e-3));
    FeatureSet first = FeatureSet.of(Arrays.copyOf(whole(60, 8, 1), 50));
    Estimate all = KernelDistance.standard().subsets(3).subsetSize(50).between(first, B);
    assertThat(all.mean()).isCloseTo(-47.57686986014778, withinPercentage(1e-3));
    // Subsets of all vectors differ by their order only.
    assertThat(all.deviation()).isLessThan(1e-6 * Math.abs(all.mean()) * 100);
  }

  @Test
  void kernelDistanceOfManyBlocksIsThatOfItsDefinition() {
    float[][] a = normal(1100, 3, 0.5, 1, 1);
    float[][] b = normal(1030, 3, 0, 1, 2);
    double expected = kernelMean(a, a, true) + kernelMean(b, b, true) - 2 * kernelMean(a, b, false);
    double distance = KernelDistance.unbiased(FeatureSet.of(a), FeatureSet.of(b));
    assertThat(distance).isCloseTo(expected, withinPercentage(1e-3)).isPositive();
  }

  private static double kernelMean(float[][] a, float[][] b, boolean withoutSame) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < b.length; j++) {
        double dot = 0;
        for (int k = 0; k < a[i].length; k++) {
          dot += (double) a[i][k] * b[j][k];
        }
        sum += withoutSame && i == j ? 0 : Math.pow(dot / a[i].length + 1, 3);
      }
    }
    return sum / a.length / (b.length - (withoutSame ? 1 : 0));
  }

  @Test
  void subsetsAreSpreadAroundTheDistanceOfAllPairs() {
    FeatureSet a = FeatureSet.of(normal(600, 4, 0.4, 1, 1));
    FeatureSet b = FeatureSet.of(normal(500, 4, 0, 1, 2));
    Estimate estimate = KernelDistance.standard().subsetSize(100).between(a, b);
    assertThat(estimate.mean())
        .isBetween(
            KernelDistance.unbiased(a, b) - estimate.deviation(),
            KernelDistance.unbiased(a, b) + estimate.deviation());
    Estimate other = KernelDistance.standard().subsetSize(100).seed(1).between(a, b);
    assertThat(other).isNotEqualTo(estimate);
  }

  @Test
  void inceptionScoreIsNumPys() {
    assertThat(InceptionScore.standard().splits(1).of(A).mean())
        .isCloseTo(2.006718003787527, withinPercentage(1e-10));
  }

  @Test
  void inceptionScoreOfSureAndEvenClassesIsTheirNumber() {
    float[][] sure = new float[40][5];
    float[][] unsure = new float[40][5];
    for (int i = 0; i < sure.length; i++) {
      sure[i][i % 5] = 2000;
      unsure[i][0] = 3;
    }
    Estimate five = InceptionScore.standard().splits(1).of(FeatureSet.of(sure));
    assertThat(five.mean()).isCloseTo(5, withinPercentage(1e-10));
    Estimate one = InceptionScore.standard().of(FeatureSet.of(unsure));
    assertThat(one.mean()).isCloseTo(1, withinPercentage(1e-10));
    assertThat(one.deviation()).isLessThan(1e-12);
  }

  @Test
  void precisionAndRecallAreNumPys() {
    assertThat(PrecisionRecall.standard().between(A, B))
        .isEqualTo(new PrecisionRecall.Result(43 / 50.0, 58 / 60.0));
    assertThat(PrecisionRecall.neighbours(5).between(A, B))
        .isEqualTo(new PrecisionRecall.Result(47 / 50.0, 1));
  }

  @Test
  void precisionAndRecallOfAFewPoints() {
    // Radii 1, 1, 1 and 8 of the real ones; 5, 5 and 95 of the samples.
    FeatureSet real = FeatureSet.of(new float[][] {{0}, {1}, {2}, {10}});
    FeatureSet samples = FeatureSet.of(new float[][] {{0}, {-5}, {100}});
    assertThat(PrecisionRecall.neighbours(1).between(real, samples))
        .isEqualTo(new PrecisionRecall.Result(1 / 3.0, 1));
  }

  @Test
  void whatIsNearTheEdgeIsDecidedInDouble() {
    // Norms of a million beside distances of one: float32 products are off by more than that.
    int n = 1500;
    float[][] real = new float[n][3];
    for (int i = 0; i < n; i++) {
      real[i] = new float[] {1000 + i, 1000, 1000};
    }
    FeatureSet line = FeatureSet.of(real);
    float[][] beside = new float[n][];
    for (int i = 0; i < n; i++) {
      float off = i % 2 == 0 ? 1 : 1.0001f;
      beside[i] = new float[] {1000 + i, 1000 + off, 1000};
    }
    assertThat(PrecisionRecall.neighbours(1).between(line, FeatureSet.of(beside)).precision())
        .isEqualTo(0.5);
    assertThat(PrecisionRecall.neighbours(1).between(line, line))
        .isEqualTo(new PrecisionRecall.Result(1, 1));
    float[][] copies = IntStream.range(0, n).mapToObj(i -> real[i % 7]).toArray(float[][]::new);
    assertThat(PrecisionRecall.standard().between(FeatureSet.of(copies), line).precision())
        .isEqualTo(7.0 / n);
  }

  @Test
  void mergedPartsGiveTheSameBits() {
    float[][] a = normal(1300, 6, 0.3, 1, 3);
    float[][] b = normal(1100, 6, 0, 1.2, 4);
    FeatureSet wholeA = FeatureSet.of(a);
    FeatureSet wholeB = FeatureSet.of(b);
    KernelDistance kid = KernelDistance.standard().subsets(5);
    for (long seed = 0; seed < 3; seed++) {
      FeatureSet partsA = merged(a, seed);
      FeatureSet partsB = merged(b, seed + 10);
      assertThat(partsA.count()).isEqualTo(1300);
      assertThat(kid.between(partsA, partsB)).isEqualTo(kid.between(wholeA, wholeB));
      assertThat(KernelDistance.unbiased(partsA, partsB))
          .isEqualTo(KernelDistance.unbiased(wholeA, wholeB));
      assertThat(InceptionScore.standard().of(partsA))
          .isEqualTo(InceptionScore.standard().of(wholeA));
      assertThat(PrecisionRecall.standard().between(partsA, partsB))
          .isEqualTo(PrecisionRecall.standard().between(wholeA, wholeB));
    }
  }

  @Test
  void tooFewOrBrokenVectorsAreRefused() {
    assertRefused(() -> KernelDistance.standard().between(A, B), "50, expected at least 1000");
    assertRefused(() -> InceptionScore.standard().splits(61).of(A), "60, expected at least one");
    assertRefused(() -> PrecisionRecall.neighbours(50).between(A, B), "50, expected at least 51");
    assertRefused(() -> PrecisionRecall.neighbours(0), "neighbours are 0");
    assertRefused(() -> KernelDistance.standard().subsetSize(1), "subset size is 1");
    assertRefused(() -> A.merge(new FeatureSet(9)), "dimension 9, expected 8");
    assertRefused(() -> KernelDistance.unbiased(A, new FeatureSet(9)), "dimension 9, expected 8");
    assertRefused(() -> new FeatureSet(1).add(new float[] {Float.NaN}), "NaN");
    assertRefused(() -> FeatureSet.of(new float[0][]), "0 vectors");
  }

  private static void assertRefused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String reason) {
    assertThatThrownBy(call)
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining(reason);
  }
}
