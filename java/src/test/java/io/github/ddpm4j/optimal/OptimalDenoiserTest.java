package io.github.ddpm4j.optimal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptimalDenoiserTest {
  private static final int HEIGHT = 6;
  private static final int WIDTH = 5;
  private static final int CHANNELS = 3;
  private static final int SIZE = HEIGHT * WIDTH * CHANNELS;
  private static final int COUNT = 333;
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);

  /** Half a rounding of a float of magnitude 1, the precision of a result. */
  private static final double ROUNDING = Math.ulp(1f) / 2;

  private final ImageDataset data = randomData(1);
  private OptimalDenoiser denoiser;
  private Scope scope;

  static ImageDataset randomData(long seed) {
    Random random = new Random(seed);
    byte[] pixels = new byte[COUNT * SIZE];
    byte[] labels = new byte[COUNT];
    random.nextBytes(pixels);
    for (int i = 0; i < COUNT; i++) {
      labels[i] = (byte) (random.nextInt(3) * 100);
    }
    return new ImageDataset(COUNT, HEIGHT, WIDTH, CHANNELS, pixels, labels);
  }

  @BeforeEach
  void open() {
    denoiser = OptimalDenoiser.over(data, SCHEDULE);
    scope = Scope.open(Device.cpu());
  }

  @AfterEach
  void close() {
    scope.close();
    denoiser.close();
  }

  private Tensor tensor(float... values) {
    return scope.tensor(Shape.of(values.length / SIZE, HEIGHT, WIDTH, CHANNELS), values);
  }

  /** Noised images of the data set, the first ones. */
  private float[] noised(int count, int t) {
    float[] noise =
        Noise.philox(3).fill(scope.allocate(Shape.of(count, HEIGHT, WIDTH, CHANNELS)), 0).toArray();
    float[] images = data.images(IntStream.range(0, count).toArray()).pixels();
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (float) (SCHEDULE.signal(t) * images[i] + SCHEDULE.sigma(t) * noise[i]);
    }
    return noise;
  }

  private void assertMatches(OptimalDenoiser denoiser, int label, float[] xt, int t) {
    Reference truth = Reference.of(data, xt, label, SCHEDULE.alphaBar(t));
    double[] weights = denoiser.weights(tensor(xt), t)[0];
    // Log weights are sums of doubles, as the truth's are; what counts is their size.
    double tolerance = 1e-13 * Math.abs(truth.logSum) + 1e-12;
    for (int i = 0; i < COUNT; i++) {
      assertThat(weights[i])
          .isCloseTo(truth.weights[i], within(tolerance * truth.weights[i] + 1e-300));
    }
    float[] x0 = denoiser.x0(tensor(xt), t).toArray();
    float[] epsilon = denoiser.predict(tensor(xt), t).toArray();
    float[] mean = denoiser.posteriorMean(tensor(xt), t).toArray();
    double signal = SCHEDULE.signal(t);
    double sigma = SCHEDULE.sigma(t);
    for (int p = 0; p < SIZE; p++) {
      double error = ROUNDING * Math.abs(truth.x0[p]) + doubt(truth, p, t);
      assertThat((double) x0[p]).isCloseTo(truth.x0[p], within(error));
      double e = (xt[p] - signal * truth.x0[p]) / sigma;
      assertThat((double) epsilon[p])
          .isCloseTo(e, within(ROUNDING * Math.abs(e) + doubt(truth, p, t) * signal / sigma));
      double m = (xt[p] - SCHEDULE.beta(t) * e / sigma) / Math.sqrt(SCHEDULE.alpha(t));
      assertThat((double) mean[p])
          .isCloseTo(
              m, within(8 * ROUNDING * (1 + Math.abs(m) + Math.abs(xt[p])) + doubt(truth, p, t)));
    }
  }

  /**
   * What weights can do to a pixel that are off by a factor 2^(1/512) (digits of x_t left out),
   * twice that with their sum, and by 2^-30 of the largest (digits of weights).
   */
  private double doubt(Reference truth, int p, int t) {
    double spread = 0;
    for (int i = 0; i < COUNT; i++) {
      double x = (data.pixels()[i * SIZE + p] & 0xff) / 127.5 - 1;
      spread += truth.weights[i] * Math.abs(x - truth.x0[p]);
    }
    double limit = 2 * Math.log(2) / 512;
    return limit * spread + 2 * COUNT * Math.pow(2, -30) + 1e-15 * Math.abs(truth.logSum) * spread;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 50, 300, 700, 999})
  void followsItsFormulas(int t) {
    assertMatches(denoiser, -1, noised(1, t), t);
    assertMatches(denoiser.withClass(100), 100, noised(1, t), t);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 300, 999})
  void followsThemFarOutsideTheData(int t) {
    float[] xt = noised(1, t);
    for (float factor : new float[] {0, 1e-30f, 30, 1e4f}) {
      float[] scaled = new float[SIZE];
      for (int p = 0; p < SIZE; p++) {
        scaled[p] = factor * xt[p];
      }
      assertMatches(denoiser, -1, scaled, t);
    }
  }

  @Test
  void logDensityAndSampleSizeFollowTheirFormulas() {
    for (int t : new int[] {0, 300, 999}) {
      float[] xt = noised(1, t);
      Reference truth = Reference.of(data, xt, -1, SCHEDULE.alphaBar(t));
      double volume = SIZE / 2.0 * Math.log(2 * Math.PI * (1 - SCHEDULE.alphaBar(t)));
      assertThat(denoiser.logDensity(tensor(xt), t)[0])
          .isCloseTo(
              truth.logSum - Math.log(COUNT) - volume,
              within(Math.log(2) / 512 + 1e-12 * Math.abs(truth.logSum)));
      double squares = Arrays.stream(truth.weights).map(w -> w * w).sum();
      assertThat(denoiser.effectiveSampleSize(tensor(xt), t)[0])
          .isCloseTo(1 / squares, within(1e-9 / squares));
    }
  }

  @Test
  void nearestImagesComeInOrder() {
    float[] xt = noised(2, 300);
    WeightedImage[][] nearest = denoiser.nearest(tensor(xt), 300, 5);
    for (int n = 0; n < 2; n++) {
      Reference truth =
          Reference.of(
              data, Arrays.copyOfRange(xt, n * SIZE, (n + 1) * SIZE), -1, SCHEDULE.alphaBar(300));
      double[] sorted = Arrays.stream(truth.weights).sorted().toArray();
      assertThat(nearest[n]).hasSize(5);
      for (int k = 0; k < 5; k++) {
        assertThat(nearest[n][k].weight()).isCloseTo(sorted[COUNT - 1 - k], within(1e-9));
        assertThat(truth.weights[nearest[n][k].index()])
            .isCloseTo(nearest[n][k].weight(), within(1e-9));
      }
      // A noised image of so little noise comes from where it came from.
      assertThat(nearest[n][0].index()).isEqualTo(n);
    }
    assertThat(denoiser.nearest(tensor(xt), 0, COUNT + 1)[0]).hasSize(COUNT);
  }

  @Test
  void bitsDependOnNeitherTheBatchNorTheThreads() {
    int threads = Device.threads();
    for (int t : new int[] {0, 300, 700, 999}) {
      float[] xt = noised(5, t);
      float[] all = denoiser.predict(tensor(xt), t).toArray();
      for (int n = 0; n < 5; n++) {
        Device.setThreads(1 + n % 3);
        float[] alone =
            denoiser.predict(tensor(Arrays.copyOfRange(xt, n * SIZE, (n + 1) * SIZE)), t).toArray();
        assertThat(alone).isEqualTo(Arrays.copyOfRange(all, n * SIZE, (n + 1) * SIZE));
      }
    }
    Device.setThreads(threads);
  }

  @Test
  void shardsInAnyOrderGiveTheBitsOfTheWhole() {
    for (int t : new int[] {0, 300, 999}) {
      float[] xt = noised(3, t);
      xt[2 * SIZE] = Float.NaN;
      float[] whole = denoiser.x0(tensor(xt), t).toArray();
      for (int shards : new int[] {1, 2, 4, 9}) {
        List<PartialResult> parts = new ArrayList<>();
        for (int s = 0; s < shards; s++) {
          byte[] sent = denoiser.partial(tensor(xt), t, s, shards).toBytes();
          parts.add(PartialResult.fromBytes(sent));
        }
        Random random = new Random(shards);
        while (parts.size() > 1) {
          PartialResult a = parts.remove(random.nextInt(parts.size()));
          PartialResult b = parts.remove(random.nextInt(parts.size()));
          parts.add(a.merge(b));
        }
        assertThat(parts.get(0).isComplete()).isTrue();
        assertThat(parts.get(0).finish(scope).toArray()).isEqualTo(whole);
      }
    }
  }

  @Test
  void partialResultsThatDoNotBelongTogetherAreRefused() {
    float[] xt = noised(1, 300);
    PartialResult first = denoiser.partial(tensor(xt), 300, 0, 2);
    assertThatThrownBy(() -> first.finish(scope))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("shards {0} of 2");
    assertThatThrownBy(() -> first.merge(first)).hasMessageContaining("in both");
    for (PartialResult other :
        List.of(
            denoiser.partial(tensor(xt), 301, 1, 2),
            denoiser.partial(tensor(xt), 300, 1, 3),
            denoiser.partial(tensor(noised(2, 300)), 300, 1, 2),
            denoiser.withClass(0).partial(tensor(xt), 300, 1, 2))) {
      assertThatThrownBy(() -> first.merge(other))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("different");
    }
    assertThatThrownBy(() -> denoiser.partial(tensor(xt), 300, 2, 2))
        .hasMessageContaining("shard is 2 of 2");
  }

  @Test
  void damagedPartialResultsAreRefused() {
    byte[] bytes = denoiser.partial(tensor(noised(1, 300)), 300, 0, 1).toBytes();
    for (int length : new int[] {0, 3, 20, 40, bytes.length - 1, bytes.length + 1}) {
      assertThatThrownBy(() -> PartialResult.fromBytes(Arrays.copyOf(bytes, length)))
          .isInstanceOf(InvalidArgumentException.class);
    }
    Random random = new Random(1);
    for (int i = 0; i < 300; i++) {
      byte[] damaged = bytes.clone();
      damaged[random.nextInt(60)] ^= (byte) (1 << random.nextInt(8));
      try {
        PartialResult.fromBytes(damaged).finish(scope);
      } catch (InvalidArgumentException expected) {
        assertThat(expected).hasMessageContaining("");
      }
    }
  }

  @Test
  void wrongArgumentsAreRefused() {
    Tensor wrong = scope.zeros(Shape.of(1, WIDTH, HEIGHT, CHANNELS));
    assertThatThrownBy(() -> denoiser.predict(wrong, 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("expected [N,6,5,3]");
    Tensor xt = tensor(noised(1, 0));
    assertThatThrownBy(() -> denoiser.predict(xt, 1000)).hasMessageContaining("timestep is 1000");
    assertThatThrownBy(() -> denoiser.withClass(1)).hasMessageContaining("class 1");
    assertThatThrownBy(() -> denoiser.withClass(300)).hasMessageContaining("class 300");
    assertThatThrownBy(() -> denoiser.nearest(xt, 0, 0)).hasMessageContaining("k is 0");
    OptimalDenoiser other = OptimalDenoiser.over(data);
    OptimalDenoiser sharing = other.withClass(0);
    other.close();
    other.close();
    assertThatThrownBy(() -> sharing.predict(xt, 0)).isInstanceOf(ClosedException.class);
  }

  /** The images, and no more than a fifth of them for bounds. */
  @Test
  void takesLittleMoreMemoryThanItsImages() {
    ImageDataset colour = new ImageDataset(100, 32, 32, 3, new byte[100 * 3072], null);
    try (OptimalDenoiser all = OptimalDenoiser.over(colour)) {
      assertThat(all.bytes()).isBetween(100 * 3072L, (long) (1.2 * 100 * 3072));
    }
  }

  @Test
  void countsItsWork() {
    OptimalDenoiser counted = denoiser.withSchedule(SCHEDULE);
    counted.predict(tensor(noised(2, 999)), 999);
    assertThat(counted.work().pairs()).isEqualTo(2 * COUNT);
    assertThat(counted.work().summed()).isEqualTo(2 * COUNT);
    counted.predict(tensor(noised(1, 0)), 0);
    assertThat(counted.work().pairs()).isEqualTo(3 * COUNT);
    assertThat(counted.work().summed()).isLessThan(2 * COUNT + 30);
    Work work = counted.work();
    assertThat(work.skippedByMeans()).isNotNegative();
    assertThat(work.compared() + work.skippedByMeans() + work.skippedByDigits())
        .isEqualTo(work.pairs());
    assertThat(counted.withClass(0).count()).isLessThan(COUNT);
  }

  /** With no noise added at the end, samples are images of the data set (SEED, part 3). */
  @Test
  void samplingGivesBackImages() {
    Tensor x = scope.allocate(Shape.of(4, HEIGHT, WIDTH, CHANNELS));
    Noise noise = Noise.philox(11);
    Ddim.steps(50).sample(denoiser, SCHEDULE, noise.fill(x, 0), noise, null);
    byte[] bytes = new Images(4, HEIGHT, WIDTH, CHANNELS, x.toArray()).bytes();
    for (int n = 0; n < 4; n++) {
      byte[] image = Arrays.copyOfRange(bytes, n * SIZE, (n + 1) * SIZE);
      assertThat(
              IntStream.range(0, COUNT)
                  .anyMatch(
                      i ->
                          Arrays.equals(
                              image, Arrays.copyOfRange(data.pixels(), i * SIZE, (i + 1) * SIZE))))
          .isTrue();
    }
  }
}
