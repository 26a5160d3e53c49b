package io.github.ddpm4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DenoisingFiguresTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final Noise NOISE = Noise.philox(4);
  private static final int COUNT = 60;
  private static final int SIZE = 12;

  private final ImageDataset data = randomData();
  private final OptimalDenoiser denoiser = OptimalDenoiser.over(data, SCHEDULE);
  private final Images images = data.images(IntStream.range(10, 30).toArray());

  @TempDir Path folder;

  private static ImageDataset randomData() {
    byte[] pixels = new byte[COUNT * SIZE];
    new Random(1).nextBytes(pixels);
    return new ImageDataset(COUNT, 2, 2, 3, pixels, null);
  }

  @AfterEach
  void close() {
    denoiser.close();
  }

  private DenoisingFigures measure(NoisePredictor network, int t) {
    return DenoisingFigures.of(denoiser, data, images, network, t, NOISE);
  }

  private float[] noise(int t) {
    try (Scope scope = Scope.open(Device.cpu())) {
      return NOISE.fill(scope.allocate(Shape.of(images.count(), 2, 2, 3)), t).toArray();
    }
  }

  private double pixel(int image, int p) {
    return (data.pixels()[image * SIZE + p] & 0xff) / 127.5 - 1;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 200, 500, 999})
  void followItsDefinitions(int t) {
    double signal = SCHEDULE.signal(t);
    double sigma = SCHEDULE.sigma(t);
    float[] noise = noise(t);
    double loss = 0, effective = 0, largest = 0, x0Distance = 0, xtDistance = 0;
    for (int n = 0; n < images.count(); n++) {
      double[] xt = new double[SIZE];
      for (int p = 0; p < SIZE; p++) {
        xt[p] = signal * pixel(10 + n, p) + sigma * noise[n * SIZE + p];
      }
      double[] weights =
          IntStream.range(0, COUNT)
              .mapToDouble(i -> Math.exp(-squared(xt, i, signal) / (2 * sigma * sigma)))
              .toArray();
      double sum = Arrays.stream(weights).sum();
      double[] x0 = new double[SIZE];
      for (int i = 0; i < COUNT; i++) {
        for (int p = 0; p < SIZE; p++) {
          x0[p] += weights[i] / sum * pixel(i, p);
        }
      }
      for (int p = 0; p < SIZE; p++) {
        loss += Math.pow((xt[p] - signal * x0[p]) / sigma - noise[n * SIZE + p], 2);
      }
      effective += sum * sum / Arrays.stream(weights).map(w -> w * w).sum();
      largest += Arrays.stream(weights).max().orElseThrow() / sum;
      x0Distance += nearest(x0, 1);
      xtDistance += nearest(xt, signal) / signal;
    }
    int n = images.count();
    DenoisingFigures figures = measure(null, t);
    assertThat(figures.t()).isEqualTo(t);
    assertThat(figures.snr()).isEqualTo(SCHEDULE.snr(t));
    // x_t is rounded to float: relative 6e-8, and weights are within 1e-3 of the true ones.
    double error = 1e-3;
    assertThat(figures.optimalLoss()).isCloseTo(loss / n / SIZE, within(error));
    assertThat(figures.effectiveSampleSize())
        .isCloseTo(effective / n, within(1e-4 * effective / n));
    assertThat(figures.largestWeight()).isCloseTo(largest / n, within(1e-4));
    assertThat(figures.x0Distance()).isCloseTo(x0Distance / n, within(error));
    assertThat(figures.xtDistance()).isCloseTo(xtDistance / n, within(1e-5 * xtDistance / n));
    assertThat(figures.networkLoss()).isNaN();
    assertThat(figures.skipped()).isBetween(0.0, 1.0);
    assertThat(figures.skippedByMeans()).isBetween(0.0, figures.skipped());
  }

  private double squared(double[] x, int image, double signal) {
    return IntStream.range(0, SIZE)
        .mapToDouble(p -> Math.pow(x[p] - signal * pixel(image, p), 2))
        .sum();
  }

  private double nearest(double[] x, double signal) {
    return Math.sqrt(
        IntStream.range(0, COUNT).mapToDouble(i -> squared(x, i, signal)).min().orElseThrow());
  }

  @Test
  void aNetworkIsJudgedByTheNoiseItMeans() {
    int t = 300;
    double power =
        IntStream.range(0, images.pixels().length)
            .mapToDouble(p -> Math.pow(noise(t)[p], 2))
            .average()
            .orElseThrow();
    NoisePredictor silent = (xt, step) -> xt.scope().zeros(xt.shape());
    assertThat(measure(silent, t).networkLoss()).isCloseTo(power, within(1e-6));
    double ownLoss = measure(denoiser, t).networkLoss();
    assertThat(ownLoss).isEqualTo(measure(null, t).optimalLoss());
    NoisePredictor images =
        new NoisePredictor() {
          @Override
          public Tensor predict(Tensor xt, double step) {
            return denoiser.x0(xt, step);
          }

          @Override
          public PredictionType predictionType() {
            return PredictionType.SAMPLE;
          }
        };
    assertThat(measure(images, t).networkLoss()).isCloseTo(ownLoss, within(1e-6 + 1e-3 * ownLoss));
  }

  @Test
  void noPredictorHasLessLossOnTheDataSet() {
    NoisePredictor scaled = (xt, t) -> PointwiseOps.scale(denoiser.predict(xt, t), 0.9f);
    Images all = data.images(IntStream.range(0, COUNT).toArray());
    DenoisingFigures figures =
        DenoisingFigures.of(denoiser, data, all, scaled, 600, Noise.philox(1));
    assertThat(figures.networkLoss()).isGreaterThan(figures.optimalLoss());
  }

  @Test
  void theReportIsATableAndPlots() throws Exception {
    DenoisingReport report = new DenoisingReport();
    for (int t : new int[] {0, 400, 999}) {
      report.add("train", measure(denoiser, t));
      report.add("test", measure(null, t));
    }
    report.saveCsv(folder.resolve("new/report.csv"));
    report.savePlots(folder.resolve("report.png"));
    List<String> lines = Files.readAllLines(folder.resolve("new/report.csv"));
    assertThat(lines).hasSize(7);
    assertThat(lines.get(0))
        .startsWith("set,t,snr,")
        .endsWith(",network_loss,skipped,skipped_by_means");
    assertThat(lines.get(2)).startsWith("train,400,").matches("[^,]+(,[^,]+){10}");
    assertThat(lines.get(6)).startsWith("test,999,").contains(",,");
    assertThat(ImageIO.read(folder.resolve("report.png").toFile()).getWidth()).isEqualTo(1400);
  }
}
