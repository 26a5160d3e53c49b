package io.github.ddpm4j.optimal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.abort;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.Cifar10;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The optimal denoiser over all of CIFAR-10, against its formulas in double precision. */
class OptimalDenoiserCifarTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final int SIZE = 3072;

  /** Of a float of magnitude 1. */
  private static final double ROUNDING = Math.ulp(1f) / 2;

  private static ImageDataset data;
  private static OptimalDenoiser denoiser;

  @BeforeAll
  static void open() {
    try {
      data = Cifar10.train(DataFolder.find("cifar-10-batches-bin", null));
    } catch (DataFormatException e) {
      abort(e.getMessage());
    }
    denoiser = OptimalDenoiser.over(data, SCHEDULE);
  }

  @AfterAll
  static void close() {
    if (denoiser != null) {
      denoiser.close();
    }
  }

  private static Tensor tensor(Scope scope, float[] values) {
    return scope.tensor(Shape.of(values.length / SIZE, 32, 32, 3), values);
  }

  /** A noised image, pure noise, and a point far outside the data, one after the other. */
  private static float[] queries(int t) {
    float[] xt;
    try (Scope scope = Scope.open(Device.cpu())) {
      xt = Noise.philox(t).fill(scope.allocate(Shape.of(3, 32, 32, 3)), 0).toArray();
    }
    float[] image = data.images(1000 + t).pixels();
    for (int p = 0; p < SIZE; p++) {
      xt[p] = (float) (SCHEDULE.signal(t) * image[p] + SCHEDULE.sigma(t) * xt[p]);
      xt[2 * SIZE + p] *= 50;
    }
    return xt;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 50, 200, 300, 400, 500, 600, 700, 800, 900, 999})
  void isExactAtEveryTimestep(int t) {
    double signal = SCHEDULE.signal(t);
    double sigma = SCHEDULE.sigma(t);
    float[] xt = queries(t);
    try (Scope scope = Scope.open(Device.cpu())) {
      float[] x0 = denoiser.x0(tensor(scope, xt), t).toArray();
      float[] epsilon = denoiser.predict(tensor(scope, xt), t).toArray();
      double[][] weights = denoiser.weights(tensor(scope, xt), t);
      for (int n = 0; n < 3; n++) {
        float[] query = Arrays.copyOfRange(xt, n * SIZE, (n + 1) * SIZE);
        Reference truth = Reference.of(data, query, -1, SCHEDULE.alphaBar(t));
        float[] plain = Reference.plain(data, query, SCHEDULE.alphaBar(t));
        // Sums of 3072 doubles on both sides, of the size of the squared distance over the
        // variance.
        double tolerance = 1e-13 * Math.abs(truth.logSum) + 1e-12;
        for (int i = 0; i < data.count(); i++) {
          double error = tolerance * truth.weights[i] + Double.MIN_NORMAL;
          assertThat(Math.abs(weights[n][i] - truth.weights[i])).isLessThanOrEqualTo(error);
        }
        double error = 0;
        double plainError = 0;
        double epsilonError = 0;
        for (int p = 0; p < SIZE; p++) {
          int at = n * SIZE + p;
          error = Math.max(error, Math.abs(x0[at] - truth.x0[p]));
          plainError = Math.max(plainError, Math.abs(plain[p] - truth.x0[p]));
          double e = (query[p] - signal * truth.x0[p]) / sigma;
          epsilonError =
              Math.max(epsilonError, Math.abs(epsilon[at] - e) - 2 * ROUNDING * Math.abs(e));
        }
        // No worse than float32's own accumulation, and four roundings of a pixel.
        double bound = Math.min(2 * plainError, 2e-6) + 4 * ROUNDING;
        assertThat(error).isLessThanOrEqualTo(bound);
        assertThat(epsilonError).isLessThanOrEqualTo(bound * signal / sigma);
      }
    }
  }

  @Test
  void findsTheImageThatANoisyOneCameFrom() {
    try (Scope scope = Scope.open(Device.cpu())) {
      float[] xt = Arrays.copyOf(queries(200), SIZE);
      WeightedImage[] nearest = denoiser.nearest(tensor(scope, xt), 200, 3)[0];
      assertThat(nearest[0].index()).isEqualTo(1200);
      assertThat(nearest[0].weight()).isCloseTo(1, within(1e-12));
      int label = data.label(1200);
      WeightedImage[] own = denoiser.withClass(label).nearest(tensor(scope, xt), 200, 1)[0];
      assertThat(own[0].index()).isEqualTo(1200);
      assertThat(denoiser.withClass((label + 1) % 10).count()).isEqualTo(5000);
    }
  }

  @Test
  void pruningSkipsImagesAndChangesNoBit() {
    for (int t : new int[] {0, 50, 200, 300, 400}) {
      try (Scope scope = Scope.open(Device.cpu())) {
        Tensor xt = tensor(scope, Arrays.copyOf(queries(t), SIZE));
        OptimalDenoiser counted = denoiser.withPruning(true);
        float[] pruned = counted.x0(xt, t).toArray();
        assertThat(denoiser.withPruning(false).x0(xt, t).toArray()).isEqualTo(pruned);
        if (t <= 50) {
          assertThat(counted.work().skipped()).isGreaterThan(0.99);
        }
        if (t == 200 || t == 300) {
          assertThat(counted.work().skippedByDigits()).isGreaterThan(data.count() / 2);
        }
      }
    }
  }

  @Test
  void takesItsBytesAndAFifthMore() {
    assertThat(denoiser.bytes()).isLessThan((long) (1.2 * data.pixels().length));
  }
}
