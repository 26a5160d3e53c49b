package io.github.ddpm4j.optimal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.ForwardProcess;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LocalDenoiserTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final int HEIGHT = 6;
  private static final int WIDTH = 5;
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

  private LocalDenoiser denoiser(boolean equivariant, int patchSize) {
    return equivariant
        ? LocalDenoiser.equivariant(data, SCHEDULE, patchSize)
        : LocalDenoiser.over(data, SCHEDULE, patchSize);
  }

  @ParameterizedTest
  @CsvSource({
    "false, 1, 300",
    "false, 3, 0",
    "false, 3, 500",
    "false, 5, 700",
    "true, 1, 300",
    "true, 3, 0",
    "true, 3, 200",
    "true, 3, 999",
    "true, 5, 500"
  })
  void followsItsEquations(boolean equivariant, int patchSize, int t) {
    try (LocalDenoiser denoiser = denoiser(equivariant, patchSize)) {
      Tensor xt = noised(t);
      float[] noisy = xt.toArray();
      float[] x0 = denoiser.x0(xt, t).toArray();
      float[] epsilon = denoiser.predict(xt, t).toArray();
      for (int n = 0; n < 2; n++) {
        float[] image = Arrays.copyOfRange(noisy, n * SIZE, (n + 1) * SIZE);
        PatchReference truth = new PatchReference(data, SCHEDULE.alphaBar(t), image);
        for (int y = 0; y < HEIGHT; y++) {
          for (int x = 0; x < WIDTH; x++) {
            double[] expected = truth.local(y, x, patchSize, equivariant);
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

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void patchesThatHoldTheWholeImageMakeItTheOptimalDenoiser(boolean equivariant) {
    int all = 2 * HEIGHT - 1;
    try (LocalDenoiser local = denoiser(equivariant, all);
        OptimalDenoiser optimal = OptimalDenoiser.over(data, SCHEDULE)) {
      assertThat(local.x0(noised(400), 400).toArray())
          .isEqualTo(optimal.x0(noised(400), 400).toArray());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void blackAndWhiteMakeMosaics(boolean equivariant) {
    byte[] pixels = new byte[2 * 8 * 8];
    Arrays.fill(pixels, 64, 128, (byte) 255);
    ImageDataset blackAndWhite = new ImageDataset(2, 8, 8, 1, pixels, null);
    try (LocalDenoiser denoiser =
        equivariant
            ? LocalDenoiser.equivariant(blackAndWhite, SCHEDULE, 3)
            : LocalDenoiser.over(blackAndWhite, SCHEDULE, 3)) {
      Noise noise = Noise.philox(2);
      Tensor x = noise.fill(scope.allocate(Shape.of(4, 8, 8, 1)), 0);
      Ddim.steps(100).sample(denoiser, SCHEDULE, x, noise, null);
      float[] samples = x.toArray();
      int white = 0;
      for (float value : samples) {
        assertThat(Math.abs(value)).isCloseTo(1, within(2 * Math.ulp(1f)));
        white += value > 0 ? 1 : 0;
      }
      // New images: neither black nor white as a whole.
      assertThat(white).isBetween(samples.length / 8, samples.length * 7 / 8);
    }
  }

  @Test
  void batchesDoNotMatter() {
    try (LocalDenoiser denoiser = denoiser(true, 3)) {
      float[] all = denoiser.predict(noised(400), 400).toArray();
      assertThat(denoiser.predict(noised(400).slice(1, 1), 400).toArray())
          .isEqualTo(Arrays.copyOfRange(all, SIZE, 2 * SIZE));
    }
  }

  @Test
  void wrongUseIsRefused() {
    for (int size : new int[] {0, 2, -3}) {
      assertThatThrownBy(() -> denoiser(false, size))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessage("patch size is " + size + ", expected an odd number of at least 1");
    }
    LocalDenoiser denoiser = denoiser(false, 3);
    assertThat(denoiser.bytes()).isPositive();
    assertThatThrownBy(() -> denoiser.x0(scope.allocate(Shape.of(1, 5, 6, 2)), 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("xt has shape [1,5,6,2], expected [N,6,5,2]");
    denoiser.close();
    assertThatThrownBy(() -> denoiser.x0(noised(5), 5)).isInstanceOf(ClosedException.class);
    byte[] many = new byte[3_000_000];
    ImageDataset wide = new ImageDataset(1, 1, 1_500_000, 2, many, null);
    assertThatThrownBy(() -> LocalDenoiser.equivariant(wide, SCHEDULE, 1001))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("take the first images only");
  }
}
