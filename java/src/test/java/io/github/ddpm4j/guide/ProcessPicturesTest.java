package io.github.ddpm4j.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Pictures of the forward and of the reverse process. */
class ProcessPicturesTest {
  private static final int SIZE = 8;
  private static final int GAP = 6;
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final Noise NOISE = Noise.philox(3);

  private final Images x0 = random();

  private static Images random() {
    Random random = new Random(1);
    float[] pixels = new float[SIZE * SIZE * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = random.nextInt(256) / 127.5f - 1;
    }
    return new Images(1, SIZE, SIZE, 3, pixels);
  }

  /**
   * The bytes of a cell, found from the right bottom corner.
   *
   * @param cell its width in the picture
   */
  private static int[] bytes(BufferedImage picture, int cell, int columnsAfter, int rowsAfter) {
    int left = picture.getWidth() - Panels.MARGIN - (columnsAfter + 1) * (cell + GAP) + GAP;
    int top = picture.getHeight() - Panels.MARGIN - (rowsAfter + 1) * (cell + GAP) + GAP;
    int scale = cell / SIZE;
    int[] bytes = new int[SIZE * SIZE * 3];
    for (int i = 0; i < bytes.length; i++) {
      int x = left + i / 3 % SIZE * scale;
      int y = top + i / 3 / SIZE * scale;
      // Both corners of the pixel: a cell that is out of place would not pass.
      assertThat(picture.getRGB(x + scale - 1, y + scale - 1)).isEqualTo(picture.getRGB(x, y));
      bytes[i] = picture.getRGB(x, y) >> 8 * (2 - i % 3) & 0xff;
    }
    return bytes;
  }

  private void assertImage(int[] bytes, double factor, int tolerance) {
    for (int i = 0; i < bytes.length; i++) {
      double expected = (x0.pixels()[i] * factor + 1) * 127.5;
      assertThat((double) bytes[i]).isCloseTo(expected, within(tolerance + 0.5));
    }
  }

  /** Mean difference of values that no cut at 0 or 255 may have changed, in [-1, 1]. */
  private static double difference(int[] a, int[] b) {
    double sum = 0;
    int n = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] > 60 && a[i] < 195) {
        sum += Math.abs(a[i] - b[i]) / 127.5;
        n++;
      }
    }
    return sum / n;
  }

  @Test
  void jumpsBeginWithTheImageAndEndWithNoise() {
    BufferedImage picture = ForwardPictures.jumps(x0, SCHEDULE, NOISE);
    int[] timesteps = ForwardPictures.timesteps(SCHEDULE);
    assertThat(timesteps).containsExactly(0, 200, 400, 600, 800);
    for (int row = 0; row < 5; row++) {
      int[] mean = bytes(picture, 128, 4, 4 - row);
      assertImage(mean, SCHEDULE.signal(timesteps[row]), 0);
    }
    // Five standard deviations of 0.01, in bytes.
    for (int sample = 0; sample < 4; sample++) {
      assertImage(bytes(picture, 128, sample, 4), 1, 7);
    }
    assertThat(bytes(picture, 128, 0, 0)).isNotEqualTo(bytes(picture, 128, 1, 0));
  }

  @Test
  void stepsAddTheNoiseOfOneStep() {
    BufferedImage picture = ForwardPictures.steps(x0, SCHEDULE, NOISE);
    assertImage(bytes(picture, 128, 4, 4), 1, 0);
    int[] mean = bytes(picture, 128, 4, 2);
    double sigma = Math.sqrt(SCHEDULE.beta(400));
    for (int sample = 0; sample < 4; sample++) {
      double difference = difference(mean, bytes(picture, 128, sample, 2));
      // E|N(0,σ²)| = σ √(2/π); some hundred values: five standard errors are 30 %.
      assertThat(difference).isCloseTo(sigma * Math.sqrt(2 / Math.PI), within(0.3 * sigma));
    }
  }

  @Test
  void noiseStandsBetweenTheImages() {
    BufferedImage picture = ForwardPictures.noise(x0, SCHEDULE, NOISE, 50);
    int[] image = bytes(picture, 256, 2, 0);
    int[] noisy = bytes(picture, 256, 1, 0);
    int[] noise = bytes(picture, 256, 0, 0);
    assertImage(image, 1, 0);
    for (int i = 0; i < image.length; i++) {
      if (noisy[i] > 0 && noisy[i] < 255 && noise[i] > 0 && noise[i] < 255) {
        double sum =
            SCHEDULE.signal(50) * (image[i] / 127.5 - 1)
                + SCHEDULE.sigma(50) * (noise[i] / 127.5 - 1);
        assertThat((sum + 1) * 127.5).isCloseTo(noisy[i], within(1.5));
      }
    }
  }

  @Test
  void theTrueNoiseGivesTheImageBack() {
    BufferedImage picture = ReversePictures.prediction(x0, SCHEDULE, NOISE, 50);
    assertImage(bytes(picture, 256, 0, 0), 1, 0);
    assertImage(bytes(picture, 256, 1, 0), 1, 0);
    assertThat(bytes(picture, 256, 2, 0)).isNotEqualTo(bytes(picture, 256, 0, 0));
  }

  @Test
  void thePosteriorsMeanFollowsFromTheNoiseToo() {
    BufferedImage picture = ReversePictures.posterior(x0, SCHEDULE, NOISE, 50);
    int[] mean = bytes(picture, 192, 2, 0);
    int[] fromNoise = bytes(picture, 192, 1, 0);
    for (int i = 0; i < mean.length; i++) {
      // Equal but for rounding.
      assertThat(fromNoise[i]).isCloseTo(mean[i], within(1));
    }
    assertImage(bytes(picture, 192, 0, 0), SCHEDULE.signal(49), 0);
  }

  @Test
  void theOracleKnowsTheNoise() {
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor image = scope.tensor(Shape.of(1, SIZE, SIZE, 3), x0.pixels());
      Tensor epsilon = NOISE.fill(scope.allocate(image.shape()), 0);
      Tensor xt = new ForwardProcess(SCHEDULE).jump(image, epsilon, 300);
      float[] told = ReversePictures.oracle(x0, SCHEDULE).predict(xt, 300).toArray();
      // A few roundings of values below 5, divided by σ = 0.8.
      assertThat(told).containsExactly(epsilon.toArray(), within(4e-6f));
    }
  }

  @Test
  void theOracleLeadsFromNoiseToTheImage() {
    BufferedImage picture = ReversePictures.oracleFrames(x0, SCHEDULE, NOISE);
    assertImage(bytes(picture, 128, 0, 0), 1, 0);
    assertThat(difference(bytes(picture, 128, 5, 0), bytes(picture, 128, 0, 0))).isGreaterThan(0.3);
  }

  @Test
  void everySchedulesSamplesBeginWithTheImage() {
    BufferedImage picture = ForwardPictures.schedules(x0, 1000, NOISE);
    assertThat(SchedulePlot.all(1000)).hasSize(4);
    assertThat(picture.getWidth()).isGreaterThan(5 * 128);
    assertThat(picture.getHeight()).isGreaterThan(4 * 128);
    int rowHeight = (picture.getHeight() - 2 * Panels.MARGIN + GAP) / 4;
    for (int row = 0; row < 4; row++) {
      BufferedImage part =
          picture.getSubimage(
              Panels.MARGIN,
              Panels.MARGIN + row * rowHeight,
              picture.getWidth() - 2 * Panels.MARGIN,
              rowHeight - GAP);
      assertImage(bytes(part, 128, 4, 0), 1, 7);
    }
  }

  @Test
  void refusesSeveralImages() {
    Images two = new Images(2, 2, 2, 3, new float[24]);
    assertThatThrownBy(() -> ForwardPictures.jumps(two, SCHEDULE, NOISE))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("Images[2,2,2,3] given, expected one image");
    assertThatThrownBy(() -> ForwardPictures.noise(x0, SCHEDULE, NOISE, 1000))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("timestep is 1000");
  }
}
