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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SmoothedDenoiserTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final Shape IMAGE = Shape.of(1, 3, 2, 2);
  private static final int SIZE = 12;

  private final ImageDataset data = randomData();
  private final OptimalDenoiser denoiser = OptimalDenoiser.over(data, SCHEDULE);
  private final Scope scope = Scope.open(Device.cpu());

  private static ImageDataset randomData() {
    byte[] pixels = new byte[40 * SIZE];
    new Random(1).nextBytes(pixels);
    return new ImageDataset(40, 3, 2, 2, pixels, null);
  }

  @AfterEach
  void close() {
    scope.close();
    denoiser.close();
  }

  private Tensor random(int count) {
    return Noise.philox(8).fill(scope.allocate(IMAGE.withFirst(count)), 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 300, 600, 999})
  void averagesOverThePerturbations(int t) {
    int samples = 3;
    double scale = 0.7;
    float[] xt = random(2).toArray();
    SmoothedDenoiser smoothed = SmoothedDenoiser.of(denoiser, scale, samples, 9);
    float[] x0 = smoothed.x0(random(2), t).toArray();
    float[] epsilon = smoothed.predict(random(2), t).toArray();
    for (int n = 0; n < 2; n++) {
      double[] expected = new double[SIZE];
      for (int m = 0; m < samples; m++) {
        float[] z = Noise.philox(9).fill(scope.allocate(IMAGE), m).toArray();
        float[] perturbed = new float[SIZE];
        for (int p = 0; p < SIZE; p++) {
          perturbed[p] = (float) (xt[n * SIZE + p] + scale * z[p]);
        }
        double[] mean = Reference.of(data, perturbed, -1, SCHEDULE.alphaBar(t)).x0;
        for (int p = 0; p < SIZE; p++) {
          expected[p] += mean[p] / samples;
        }
      }
      for (int p = 0; p < SIZE; p++) {
        // The optimal denoiser's weights are within 0.1 % at worst, of values in [-1, 1].
        assertThat((double) x0[n * SIZE + p]).isCloseTo(expected[p], within(2e-3));
        double e = (xt[n * SIZE + p] - SCHEDULE.signal(t) * expected[p]) / SCHEDULE.sigma(t);
        assertThat((double) epsilon[n * SIZE + p])
            .isCloseTo(e, within(2e-3 * SCHEDULE.signal(t) / SCHEDULE.sigma(t)));
      }
    }
  }

  @Test
  void withoutPerturbationItIsTheDenoiser() {
    float[] expected = denoiser.x0(random(2), 200).toArray();
    assertThat(SmoothedDenoiser.of(denoiser, 0, 2, 1).x0(random(2), 200).toArray())
        .isEqualTo(expected);
  }

  @Test
  void samplesAreMeansOfAsManyImages() {
    Tensor x = random(4);
    Ddim.steps(50)
        .sample(SmoothedDenoiser.of(denoiser, 5, 2, 1), SCHEDULE, x, Noise.philox(8), null);
    float[] samples = x.toArray();
    for (int n = 0; n < 4; n++) {
      double least = Double.POSITIVE_INFINITY;
      for (int i = 0; i < 40; i++) {
        for (int j = 0; j < 40; j++) {
          double distance = 0;
          for (int p = 0; p < SIZE; p++) {
            double mean =
                ((data.pixels()[i * SIZE + p] & 0xff) + (data.pixels()[j * SIZE + p] & 0xff))
                        / 255.0
                    - 1;
            distance = Math.max(distance, Math.abs(samples[n * SIZE + p] - mean));
          }
          least = Math.min(least, distance);
        }
      }
      assertThat(least).isLessThan(1e-5);
    }
  }

  @Test
  void batchesDoNotMatter() {
    SmoothedDenoiser smoothed = SmoothedDenoiser.of(denoiser, 0.5, 4, 1);
    float[] all = smoothed.predict(random(3), 400).toArray();
    assertThat(smoothed.predict(random(3).slice(2, 1), 400).toArray())
        .isEqualTo(Arrays.copyOfRange(all, 2 * SIZE, 3 * SIZE));
  }

  @Test
  void impossibleSmoothingIsRefused() {
    for (double scale : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> SmoothedDenoiser.of(denoiser, scale, 1, 0))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("scale is " + scale);
    }
    assertThatThrownBy(() -> SmoothedDenoiser.of(denoiser, 1, 0, 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("number of samples 0");
  }
}
