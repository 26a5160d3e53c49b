package io.github.ddpm4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.metrics.VariationalBound.Terms;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.api.Test;

class VariationalBoundTest {
  private static final int STEPS = 20;

  /** Images are float32, and so are the model's words on them. */
  private static final double FLOAT_ROUNDING = 1e-6;

  private final NoiseSchedule schedule = NoiseSchedule.linear(STEPS, 0.001, 0.3);
  private final VariationalBound bound = VariationalBound.over(schedule);
  private final ImageDataset images = images(100);

  private static ImageDataset images(int count) {
    byte[] pixels = new byte[count * 3 * 5 * 2];
    new Random(1).nextBytes(pixels);
    return new ImageDataset(count, 3, 5, 2, pixels, null);
  }

  /** A model that knows the images and errs by a constant. */
  private NoisePredictor offBy(float error, int... indices) {
    float[] x0 = images.images(indices).pixels();
    NoisePredictor oracle =
        (xt, t) -> {
          float[] guess = x0.clone();
          for (int i = 0; i < guess.length; i++) {
            guess[i] += error;
          }
          return xt.scope().tensor(xt.shape(), guess);
        };
    return oracle.as(PredictionType.SAMPLE);
  }

  private Terms evaluate(VariationalBound bound, NoisePredictor predictor, int... indices) {
    return bound.of(predictor, images, indices, Noise.philox(3), t -> {});
  }

  /** Kingma et al., arXiv 2107.00630, eq. 13: L_t is (SNR_{t-1} - SNR_t) / 2 times the error. */
  @Test
  void stepsWeighTheErrorByTheLossOfSignalToNoise() {
    float error = 0.25f;
    Terms terms = evaluate(bound.clip(Double.POSITIVE_INFINITY), offBy(error, 4, 9), 4, 9);
    for (int t = 1; t < STEPS; t++) {
      double expected = (schedule.snr(t - 1) - schedule.snr(t)) / 2 * error * error / Math.log(2);
      assertThat(terms.steps()[t]).isCloseTo(expected, within(expected * 10 * FLOAT_ROUNDING));
      assertThat(terms.x0Error()[t]).isCloseTo(error * error, within(FLOAT_ROUNDING));
      assertThat(terms.noiseError()[t])
          .isCloseTo(error * error * schedule.snr(t), within(FLOAT_ROUNDING * schedule.snr(t)));
    }
  }

  @Test
  void aPerfectModelPaysForTheDecoderThePriorAndAVarianceThatIsNotThePosteriors() {
    NoisePredictor perfect = offBy(0, 0);
    Terms small = evaluate(bound, perfect, 0);
    Terms large = evaluate(bound.variance(VarianceType.FIXED_LARGE), perfect, 0);
    assertThat(large.steps()[0]).isEqualTo(small.steps()[0]).isPositive();
    for (int t = 1; t < STEPS; t++) {
      double ratio = (1 - schedule.alphaBar(t - 1)) / (1 - schedule.alphaBar(t));
      double expected = (ratio - 1 - Math.log(ratio)) / 2 / Math.log(2);
      assertThat(small.steps()[t]).isCloseTo(0, within(1e-12));
      assertThat(large.steps()[t]).isCloseTo(expected, within(1e-12));
    }
    assertThat(small.bitsPerDimension()).isCloseTo(small.prior() + small.steps()[0], within(1e-9));
  }

  /** A range's ends are the fixed variances; in the middle lies the geometric mean. */
  @Test
  void aLearnedVarianceIsTheModels() {
    NoisePredictor perfect = offBy(0, 0);
    Terms large = evaluate(bound.variance(VarianceType.FIXED_LARGE), perfect, 0);
    Terms small = evaluate(bound, perfect, 0);
    VariationalBound range = bound.variance(VarianceType.LEARNED_RANGE);
    Terms top = evaluate(range, withVariance(perfect, t -> 1), 0);
    Terms bottom = evaluate(range, withVariance(perfect, t -> -1), 0);
    Terms middle = evaluate(range, withVariance(perfect, t -> 0), 0);
    Terms learned =
        evaluate(
            bound.variance(VarianceType.LEARNED), withVariance(perfect, t -> schedule.beta(t)), 0);
    assertThat(bottom.steps()[0]).isCloseTo(small.steps()[0], within(1e-12));
    for (int t = 1; t < STEPS; t++) {
      double ratio = (1 - schedule.alphaBar(t - 1)) / (1 - schedule.alphaBar(t));
      double mean = (Math.sqrt(ratio) - 1 - Math.log(ratio) / 2) / 2 / Math.log(2);
      assertThat(top.steps()[t]).isCloseTo(large.steps()[t], within(1e-12));
      assertThat(learned.steps()[t]).isCloseTo(large.steps()[t], within(1e-6));
      assertThat(bottom.steps()[t]).isCloseTo(0, within(1e-12));
      assertThat(middle.steps()[t]).isCloseTo(mean, within(1e-12));
    }
  }

  /** The model with a second half of channels. */
  private static NoisePredictor withVariance(NoisePredictor model, IntToDoubleFunction value) {
    NoisePredictor both =
        (xt, t) -> {
          float[] mean = model.predict(xt, t).toArray();
          int channels = xt.dim(3);
          float[] values = new float[2 * mean.length];
          for (int i = 0; i < mean.length; i++) {
            int at = i / channels * 2 * channels + i % channels;
            values[at] = mean[i];
            values[at + channels] = (float) value.applyAsDouble((int) t);
          }
          return xt.scope().tensor(xt.shape().withLast(2 * channels), values);
        };
    return both.as(model.predictionType());
  }

  @Test
  void thePriorIsADistanceOfNormalDistributions() {
    double expected = 0;
    float[] x0 = images.images(7).pixels();
    double alphaBar = schedule.alphaBar(STEPS - 1);
    for (float x : x0) {
      double mean = Math.sqrt(alphaBar) * x;
      expected += divergence(mean, Math.sqrt(1 - alphaBar)) / x0.length / Math.log(2);
    }
    assertThat(evaluate(bound, offBy(0, 7), 7).prior())
        .isCloseTo(expected, within(1e-6 * expected));
  }

  /** KL(N(mean, deviation²) || N(0, 1)) by the trapezoidal rule. */
  private static double divergence(double mean, double deviation) {
    double step = 1e-3;
    double sum = 0;
    for (double z = -12; z <= 12; z += step) {
      double x = mean + deviation * z;
      double logQ = -z * z / 2 - Math.log(deviation);
      sum += Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * (logQ + x * x / 2) * step;
    }
    return sum;
  }

  @Property
  void probabilitiesOfAllBytesMakeOne(
      @ForAll @DoubleRange(min = -1.5, max = 1.5) double mean,
      @ForAll @DoubleRange(min = 1e-3, max = 1) @Scale(3) double deviation) {
    double sum =
        IntStream.range(0, 256)
            .mapToDouble(b -> VariationalBound.binProbability(b / 127.5 - 1, mean, deviation))
            .sum();
    assertThat(sum).isCloseTo(1, within(256 * 1e-12));
  }

  @Property
  void aBinsProbabilityIsAnIntegralOfTheDensity(
      @ForAll @DoubleRange(min = -1, max = 1) double mean,
      @ForAll @DoubleRange(min = 0.01, max = 1) double deviation) {
    double x = 100 / 127.5 - 1;
    int parts = 1000;
    double sum = 0;
    for (int i = 0; i < parts; i++) {
      double z = (x + ((i + 0.5) / parts * 2 - 1) / 255 - mean) / deviation;
      sum += Math.exp(-z * z / 2) / (deviation * Math.sqrt(2 * Math.PI)) * 2 / 255 / parts;
    }
    assertThat(VariationalBound.binProbability(x, mean, deviation))
        .isCloseTo(Math.max(sum, 1e-12), within(1e-6 * sum + 1e-15));
  }

  /** A code for these bytes cannot be shorter than their entropy: 8 bits each. */
  @Test
  void noModelThatDoesNotKnowThemCodesRandomBytesInLessThanEightBits() {
    NoisePredictor prior = (xt, t) -> xt.scope().zeros(xt.shape());
    int[] all = IntStream.range(0, images.count()).toArray();
    assertThat(evaluate(bound, prior.as(PredictionType.SAMPLE), all).bitsPerDimension())
        .isGreaterThan(8);
  }

  /** The noise of a source's images from a later one on. */
  private record Later(Noise noise, long image) implements Noise {
    @Override
    public Tensor fill(Tensor out, int draw) {
      return from(0).fill(out, draw);
    }

    @Override
    public Noise from(long firstImage) {
      return noise.from(image + firstImage);
    }
  }

  @Test
  void imagesDoNotDependOnTheirBatch() {
    int[] all = IntStream.range(0, images.count()).toArray();
    Noise noise = Noise.philox(3);
    NoisePredictor shrink = (xt, t) -> xt;
    double together = bound.of(shrink, images, all, noise, t -> {}).bitsPerDimension();
    double sum = 0;
    for (int i : all) {
      sum +=
          bound.of(shrink, images, new int[] {i}, new Later(noise, i), t -> {}).bitsPerDimension();
    }
    assertThat(together).isCloseTo(sum / all.length, within(1e-12 * sum));
  }

  @Test
  void everyTimestepIsTold() {
    List<Integer> told = new ArrayList<>();
    bound.of(offBy(0, 0), images, new int[] {0}, Noise.philox(0), told::add);
    assertThat(told)
        .containsExactlyElementsOf(IntStream.range(0, STEPS).mapToObj(i -> STEPS - 1 - i).toList());
  }

  @Test
  void complaintsNameTheValue() {
    assertThatThrownBy(() -> evaluate(bound.variance(VarianceType.LEARNED_RANGE), offBy(0, 0), 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("gives 2 channels, expected 4");
    assertThatThrownBy(() -> bound.clip(0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("0.0");
    assertThatThrownBy(() -> evaluate(bound, offBy(0, 0)))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("no images");
    assertThatThrownBy(() -> evaluate(bound, offBy(0, 0), images.count()))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("100");
    assertThatThrownBy(() -> VariationalBound.over(NoiseSchedule.linear(1)))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("1 timesteps");
  }
}
