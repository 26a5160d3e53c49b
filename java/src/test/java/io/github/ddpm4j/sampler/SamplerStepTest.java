package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** Every step of a sampler against the formulas of diffusers, for all of their options. */
class SamplerStepTest {
  private static final Shape SHAPE = Shape.of(2, 3, 3, 1);

  /** A step has at most 7 rounded coefficients and as many products and sums. */
  private static final double ROUNDINGS = 21 * 0x1p-24;

  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(100, 1e-3, 0.08);

  /** Computes one number's step: what the test compares with. */
  @FunctionalInterface
  private interface Reference {
    DiffusersStep step(int t, int next, double sample, double output, double noise);
  }

  @Property(tries = 100)
  void ddpm(
      @ForAll @IntRange(min = 1, max = 100) int steps,
      @ForAll PredictionType prediction,
      @ForAll VarianceType variance,
      @ForAll("clips") double clip,
      @ForAll TimestepSpacing spacing) {
    Ddpm sampler = Ddpm.steps(steps).variance(variance).spacing(spacing);
    check(
        Double.isInfinite(clip) ? sampler.noClip() : sampler.clip(clip),
        predictor(prediction, variance.learned()),
        (t, next, sample, output, noise) ->
            DiffusersStep.ddpm(
                SCHEDULE,
                prediction,
                variance,
                clip,
                t,
                next,
                sample,
                output,
                learned((float) sample),
                noise));
  }

  @Property(tries = 100)
  void ddim(
      @ForAll @IntRange(min = 1, max = 100) int steps,
      @ForAll PredictionType prediction,
      @ForAll("etas") double eta,
      @ForAll("clips") double clip,
      @ForAll boolean useClipped,
      @ForAll boolean alphaToOne,
      @ForAll TimestepSpacing spacing) {
    Ddim sampler =
        Ddim.steps(steps)
            .eta(eta)
            .useClippedModelOutput(useClipped)
            .setAlphaToOne(alphaToOne)
            .spacing(spacing);
    double finalAlphaBar = alphaToOne ? 1 : SCHEDULE.alphaBar(0);
    check(
        Double.isInfinite(clip) ? sampler.noClip() : sampler.clip(clip),
        predictor(prediction, false),
        (t, next, sample, output, noise) ->
            DiffusersStep.ddim(
                SCHEDULE,
                prediction,
                eta,
                clip,
                useClipped,
                finalAlphaBar,
                t,
                t - 100 / steps,
                sample,
                output,
                noise));
  }

  @Provide
  Arbitrary<Double> clips() {
    return Arbitraries.of(0.5, 1.0, Double.POSITIVE_INFINITY);
  }

  @Provide
  Arbitrary<Double> etas() {
    return Arbitraries.of(0.0, 0.3, 1.0);
  }

  private static void check(Sampler sampler, NoisePredictor predictor, Reference reference) {
    double[] timesteps = sampler.timesteps(SCHEDULE);
    Noise noise = Noise.philox(3);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = noise.fill(scope.allocate(SHAPE), 0);
      float[] before = x.toArray();
      float[] z = new float[before.length];
      StepListener compare =
          (i, steps, from, after, x0) -> {
            int t = (int) from;
            int next = i == steps - 1 ? -1 : (int) timesteps[i + 1];
            noise.fill(scope.allocate(SHAPE), i + 1).copyTo(z);
            float[] now = after.toArray();
            float[] predicted = x0.toArray();
            for (int e = 0; e < now.length; e++) {
              DiffusersStep expected =
                  reference.step(t, next, before[e], output(before[e], t), z[e]);
              double error = ROUNDINGS * Math.max(1, expected.magnitude());
              assertThat((double) now[e]).isCloseTo(expected.previous(), within(error));
              assertThat((double) predicted[e]).isCloseTo(expected.x0(), within(error));
            }
            System.arraycopy(now, 0, before, 0, now.length);
          };
      sampler.sample(predictor, SCHEDULE, x, noise, compare);
      assertThat(x.toArray()).isEqualTo(before);
    }
  }

  /** Some bounded function of x and t, so that x̂_0 is clipped here and there. */
  private static float output(float x, double t) {
    return (float) (2 * Math.sin(x + t));
  }

  /** What the model says of the variance: positive, and between -1 and 1. */
  private static float learned(float x) {
    return (float) (0.5 + 0.4 * Math.sin(3 * x));
  }

  private static NoisePredictor predictor(PredictionType type, boolean learned) {
    NoisePredictor predictor =
        (xt, t) -> {
          float[] values = xt.toArray();
          float[] outputs = new float[learned ? 2 * values.length : values.length];
          for (int i = 0; i < values.length; i++) {
            outputs[learned ? 2 * i : i] = output(values[i], t);
            if (learned) {
              outputs[2 * i + 1] = learned(values[i]);
            }
          }
          return xt.scope().tensor(xt.shape().withLast(learned ? 2 : 1), outputs);
        };
    return predictor.as(type);
  }
}
