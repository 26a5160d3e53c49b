package io.github.ddpm4j.optimal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GaussianDenoiserTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final int SIZE = 3 * 2 * 2;

  /** More than a block of exact sums, and not a multiple of it. */
  private static final int COUNT = 600;

  private static final double FLOAT_ROUNDING = Math.ulp(1f) / 2;

  private final ImageDataset data = correlatedData();
  private final GaussianDenoiser denoiser = GaussianDenoiser.over(data, SCHEDULE);
  private final Scope scope = Scope.open(Device.cpu());

  /** Values of three common causes, skewed, and one that is always the same. */
  private static ImageDataset correlatedData() {
    Random random = new Random(1);
    double[][] causes = new double[3][SIZE];
    for (double[] cause : causes) {
      Arrays.setAll(cause, p -> 40 * random.nextGaussian());
    }
    byte[] pixels = new byte[COUNT * SIZE];
    for (int i = 0; i < COUNT; i++) {
      double[] strength = random.doubles(3, -1, 1).toArray();
      for (int p = 0; p < SIZE - 1; p++) {
        double value = 100 + 5 * p + 6 * random.nextGaussian();
        for (int c = 0; c < 3; c++) {
          value += strength[c] * causes[c][p];
        }
        pixels[i * SIZE + p] = (byte) Math.max(0, Math.min(255, Math.round(value)));
      }
      pixels[i * SIZE + SIZE - 1] = (byte) 200;
    }
    return new ImageDataset(COUNT, 3, 2, 2, pixels, null);
  }

  @AfterEach
  void close() {
    scope.close();
    denoiser.close();
  }

  private double value(int i, int p) {
    return (data.pixels()[i * SIZE + p] & 0xff) / 127.5 - 1;
  }

  private double mean(int p) {
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
      sum += value(i, p);
    }
    return sum / COUNT;
  }

  private DMatrixRMaj covariance() {
    DMatrixRMaj covariance = new DMatrixRMaj(SIZE, SIZE);
    for (int p = 0; p < SIZE; p++) {
      for (int q = 0; q < SIZE; q++) {
        double sum = 0;
        for (int i = 0; i < COUNT; i++) {
          sum += (value(i, p) - mean(p)) * (value(i, q) - mean(q));
        }
        covariance.set(p, q, sum / COUNT);
      }
    }
    return covariance;
  }

  private Tensor random(int count, long seed) {
    return Noise.philox(seed).fill(scope.allocate(Shape.of(count, 3, 2, 2)), 0);
  }

  @Test
  void meanAndVariancesAreTheDataSets() {
    for (int p = 0; p < SIZE; p++) {
      assertThat(denoiser.mean()[p]).isCloseTo(mean(p), within(1e-13));
    }
    assertThat(Arrays.stream(denoiser.variances()).sum())
        .isCloseTo(CommonOps_DDRM.trace(covariance()), within(1e-12));
    assertThat(Arrays.stream(denoiser.variances()).min().orElseThrow()).isBetween(0.0, 1e-14);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 100, 500, 999})
  void solvesTheLinearSystem(int t) {
    double alphaBar = SCHEDULE.alphaBar(t);
    double sigma = SCHEDULE.sigma(t);
    DMatrixRMaj covariance = covariance();
    DMatrixRMaj system = covariance.copy();
    CommonOps_DDRM.scale(alphaBar, system);
    for (int p = 0; p < SIZE; p++) {
      system.add(p, p, 1 - alphaBar);
    }
    int images = 4;
    Tensor xt = random(images, 3);
    float[] noisy = xt.toArray();
    float[] x0 = denoiser.x0(xt, t).toArray();
    float[] epsilon = denoiser.predict(xt, t).toArray();
    for (int n = 0; n < images; n++) {
      DMatrixRMaj centred = new DMatrixRMaj(SIZE, 1);
      double norm = 0;
      for (int p = 0; p < SIZE; p++) {
        centred.set(p, 0, noisy[n * SIZE + p] - Math.sqrt(alphaBar) * mean(p));
        norm = Math.hypot(norm, centred.get(p, 0));
      }
      DMatrixRMaj solved = new DMatrixRMaj(SIZE, 1);
      CommonOps_DDRM.solve(system, centred, solved);
      DMatrixRMaj expected = new DMatrixRMaj(SIZE, 1);
      CommonOps_DDRM.mult(Math.sqrt(alphaBar), covariance, solved, expected);
      // Two products of SIZE terms in float32, each with an orthogonal matrix, and a gain.
      double unit = 4 * Math.sqrt(SIZE) * FLOAT_ROUNDING * norm;
      double x0Gain =
          Arrays.stream(denoiser.variances())
              .map(v -> Math.sqrt(alphaBar) * v / (alphaBar * v + 1 - alphaBar))
              .max()
              .orElseThrow();
      for (int p = 0; p < SIZE; p++) {
        assertThat((double) x0[n * SIZE + p])
            .isCloseTo(mean(p) + expected.get(p, 0), within(unit * x0Gain + 2 * FLOAT_ROUNDING));
        // The constant value's gain is the largest, 1 / σ.
        assertThat((double) epsilon[n * SIZE + p])
            .isCloseTo(sigma * solved.get(p, 0), within(unit / sigma));
      }
    }
  }

  @Test
  void samplesHaveTheMeanAndTheCovariance() {
    int count = 20_000;
    Tensor x = random(count, 5);
    Ddim.steps(1000).noClip().sample(denoiser, SCHEDULE, x, Noise.philox(5), null);
    float[] samples = x.toArray();
    DMatrixRMaj covariance = covariance();
    double[] means = new double[SIZE];
    for (int i = 0; i < samples.length; i++) {
      means[i % SIZE] += samples[i] / (double) count;
    }
    for (int p = 0; p < SIZE; p++) {
      double deviation = Math.sqrt(covariance.get(p, p));
      // Five standard errors, and 2 % of the deviation for finite steps: see GaussianDataTest.
      double error = 5 / Math.sqrt(count) + 0.02;
      assertThat(means[p]).isCloseTo(mean(p), within(error * deviation + 1e-3));
      for (int q = 0; q < SIZE; q++) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
          sum += (samples[i * SIZE + p] - means[p]) * (samples[i * SIZE + q] - means[q]);
        }
        double scale = deviation * Math.sqrt(covariance.get(q, q));
        assertThat(sum / count)
            .isCloseTo(
                covariance.get(p, q),
                within((5 * Math.sqrt(2) / Math.sqrt(count) + 0.04) * scale + 1e-4));
      }
    }
  }

  @Test
  void batchesDoNotMatterAndOtherShapesAreRefused() {
    Tensor xt = random(5, 2);
    float[] all = denoiser.predict(xt, 300).toArray();
    float[] alone = denoiser.predict(xt.slice(3, 1), 300).toArray();
    assertThat(alone).isEqualTo(Arrays.copyOfRange(all, 3 * SIZE, 4 * SIZE));
    assertThatThrownBy(() -> denoiser.predict(scope.allocate(Shape.of(1, 2, 3, 2)), 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("xt has shape [1,2,3,2], expected [N,3,2,2]");
  }
}
