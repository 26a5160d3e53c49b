package io.github.ddpm4j.optimal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PatchPosteriorDenoiserTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final int HEIGHT = 5;
  private static final int WIDTH = 6;
  private static final int CHANNELS = 2;
  private static final int SIZE = HEIGHT * WIDTH * CHANNELS;
  private static final int COUNT = 15;

  /** The optimal denoiser's weights are within 0.1 % at worst, of values in [-1, 1]. */
  private static final double ERROR = 2e-3;

  private final ImageDataset data = randomData();
  private final Scope scope = Scope.open(Device.cpu());

  private static ImageDataset randomData() {
    byte[] pixels = new byte[COUNT * SIZE];
    new Random(1).nextBytes(pixels);
    return new ImageDataset(COUNT, HEIGHT, WIDTH, CHANNELS, pixels, null);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private Tensor noised(int t) {
    Tensor x = scope.tensor(Shape.of(2, HEIGHT, WIDTH, CHANNELS), data.images(3, 11).pixels());
    Tensor noise = Noise.philox(6).fill(scope.allocate(x.shape()), 0);
    return new ForwardProcess(SCHEDULE).jump(x, noise, t);
  }

  @ParameterizedTest
  @CsvSource({"1, 300", "2, 0", "3, 400", "4, 600", "5, 999"})
  void followsItsEquations(int patchSize, int t) {
    try (PatchPosteriorDenoiser denoiser = PatchPosteriorDenoiser.over(data, SCHEDULE, patchSize)) {
      Tensor xt = noised(t);
      float[] noisy = xt.toArray();
      float[] x0 = denoiser.x0(xt, t).toArray();
      float[] epsilon = denoiser.predict(xt, t).toArray();
      for (int n = 0; n < 2; n++) {
        float[] image = Arrays.copyOfRange(noisy, n * SIZE, (n + 1) * SIZE);
        PatchReference truth = new PatchReference(data, SCHEDULE.alphaBar(t), image);
        for (int y = 0; y < HEIGHT; y++) {
          for (int x = 0; x < WIDTH; x++) {
            double[] expected = truth.composite(y, x, patchSize);
            for (int c = 0; c < CHANNELS; c++) {
              int p = n * SIZE + (y * WIDTH + x) * CHANNELS + c;
              assertThat((double) x0[p]).isCloseTo(expected[c], within(ERROR));
              double e = (noisy[p] - SCHEDULE.signal(t) * expected[c]) / SCHEDULE.sigma(t);
              double error = ERROR * SCHEDULE.signal(t) / SCHEDULE.sigma(t);
              assertThat((double) epsilon[p]).isCloseTo(e, within(error));
            }
          }
        }
      }
    }
  }

  @Test
  void batchesDoNotMatter() {
    try (PatchPosteriorDenoiser denoiser = PatchPosteriorDenoiser.over(data, SCHEDULE, 3)) {
      float[] all = denoiser.predict(noised(400), 400).toArray();
      assertThat(denoiser.predict(noised(400).slice(1, 1), 400).toArray())
          .isEqualTo(Arrays.copyOfRange(all, SIZE, 2 * SIZE));
    }
  }

  @Test
  void wrongUseIsRefused() {
    for (int size : new int[] {0, 6}) {
      assertThatThrownBy(() -> PatchPosteriorDenoiser.over(data, SCHEDULE, size))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessage("patch size is " + size + ", expected 1 to 5");
    }
    try (PatchPosteriorDenoiser denoiser = PatchPosteriorDenoiser.over(data, SCHEDULE, 2)) {
      assertThat(denoiser.bytes()).isPositive();
      assertThatThrownBy(() -> denoiser.predict(scope.allocate(Shape.of(1, 6, 5, 2)), 0))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessage("xt has shape [1,6,5,2], expected [N,5,6,2]");
    }
  }
}
