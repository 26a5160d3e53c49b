package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Data with a normal distribution, whose exact denoiser is known in closed form. Each step is then
 * an affine map of a normal distribution, so that the distribution of the samples is known too.
 */
class GaussianDataTest {
  private static final double MEAN = 0.3;
  private static final double DEVIATION = 0.2;
  private static final double NO_CLIP = Double.POSITIVE_INFINITY;
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final Shape SHAPE = Shape.of(100, 8, 8, 1);

  /** One number's step, in double precision. */
  @FunctionalInterface
  private interface Step {
    double apply(int t, int next, double sample, double output, double noise);
  }

  private record Moments(double mean, double deviation) {}

  static Stream<Arguments> samplers() {
    return Stream.of(
        Arguments.of(Ddpm.full().noClip(), ddpm(VarianceType.FIXED_SMALL)),
        Arguments.of(
            Ddpm.full().noClip().variance(VarianceType.FIXED_LARGE),
            ddpm(VarianceType.FIXED_LARGE)),
        Arguments.of(Ddim.steps(1000).noClip(), ddim(0, 1)),
        Arguments.of(Ddim.steps(250).noClip().eta(1), ddim(1, 4)));
  }

  private static Step ddpm(VarianceType variance) {
    return (t, next, sample, output, noise) ->
        DiffusersStep.ddpm(
                SCHEDULE,
                PredictionType.EPSILON,
                variance,
                NO_CLIP,
                t,
                next,
                sample,
                output,
                0,
                noise)
            .previous();
  }

  private static Step ddim(double eta, int stride) {
    return (t, next, sample, output, noise) ->
        DiffusersStep.ddim(
                SCHEDULE,
                PredictionType.EPSILON,
                eta,
                NO_CLIP,
                false,
                1,
                t,
                t - stride,
                sample,
                output,
                noise)
            .previous();
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void samplesAreDistributedAsTheory(Sampler sampler, Step step) {
    Moments expected = theory(sampler.timesteps(SCHEDULE), step);
    // Finite steps of fixed variance are off by the order of their size: 2% at 1000 steps.
    double stepError = 0.02 * SCHEDULE.steps() / sampler.timesteps(SCHEDULE).length * DEVIATION;
    assertThat(expected.mean).isCloseTo(MEAN, within(stepError));
    assertThat(expected.deviation).isCloseTo(DEVIATION, within(stepError));

    float[] x = sample(sampler);
    double sum = 0, squares = 0;
    for (float value : x) {
      sum += value;
      squares += (value - expected.mean) * (value - expected.mean);
    }
    double fiveErrors = 5 * expected.deviation / Math.sqrt(x.length);
    assertThat(sum / x.length).isCloseTo(expected.mean, within(fiveErrors));
    assertThat(Math.sqrt(squares / x.length))
        .isCloseTo(expected.deviation, within(fiveErrors / Math.sqrt(2)));
  }

  static Stream<Arguments> solversWithNoise() {
    DpmSolverPlusPlus dpm = DpmSolverPlusPlus.steps(250).sde(true);
    // Steps of order 1 in the noise are off by the order of their size, some 2% at 250; order 3 by
    // the term of diffusers that does not vanish with the step.
    return Stream.of(
        Arguments.of("Euler ancestral", EulerAncestral.steps(250), 0.02),
        Arguments.of("Euler with churn", Euler.steps(250).churn(20), 0.02),
        Arguments.of("SDE-DPM-Solver++ 1", dpm.order(1), 0.02),
        Arguments.of("SDE-DPM-Solver++ 2M", dpm, 0.02),
        Arguments.of("SDE-DPM-Solver++ 3M", dpm.order(3), 0.1));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("solversWithNoise")
  void solversWithNoiseSampleTheData(String name, Sampler sampler, double relative) {
    float[] x = sample(sampler);
    double sum = 0, squares = 0;
    for (float value : x) {
      sum += value;
      squares += (value - MEAN) * (value - MEAN);
    }
    double fiveErrors = 5 * DEVIATION / Math.sqrt(x.length);
    double stepError = relative * DEVIATION;
    assertThat(sum / x.length).isCloseTo(MEAN, within(fiveErrors + stepError));
    assertThat(Math.sqrt(squares / x.length))
        .isCloseTo(DEVIATION, within(fiveErrors / Math.sqrt(2) + stepError));
  }

  private static Moments theory(double[] timesteps, Step step) {
    double mean = 0;
    double variance = 1;
    for (int i = 0; i < timesteps.length; i++) {
      int t = (int) timesteps[i];
      int next = i == timesteps.length - 1 ? -1 : (int) timesteps[i + 1];
      double constant = step.apply(t, next, 0, noiseIn(0, t), 0);
      double factor = step.apply(t, next, 1, noiseIn(1, t), 0) - constant;
      double fromNoise = step.apply(t, next, 0, noiseIn(0, t), 1) - constant;
      mean = factor * mean + constant;
      variance = factor * factor * variance + fromNoise * fromNoise;
    }
    return new Moments(mean, Math.sqrt(variance));
  }

  private static float[] sample(Sampler sampler) {
    Noise noise = Noise.philox(5);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = noise.fill(scope.allocate(SHAPE), 0);
      sampler.sample(GaussianDataTest::noiseIn, SCHEDULE, x, noise, null);
      return x.toArray();
    }
  }

  private static Tensor noiseIn(Tensor xt, double t) {
    float[] values = xt.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) noiseIn(values[i], t);
    }
    return xt.scope().tensor(xt.shape(), values);
  }

  /** E[ε | x_t] = σ_t (x_t - √ᾱ_t m) / (ᾱ_t s² + σ_t²), as x_t and ε are jointly normal. */
  private static double noiseIn(double xt, double t) {
    double sigma = SCHEDULE.sigma(t);
    double variance = SCHEDULE.alphaBar(t) * DEVIATION * DEVIATION + sigma * sigma;
    return sigma * (xt - SCHEDULE.signal(t) * MEAN) / variance;
  }
}
