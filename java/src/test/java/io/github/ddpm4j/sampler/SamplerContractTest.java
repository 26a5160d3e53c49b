package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every sampler promises. */
class SamplerContractTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(20);
  private static final NoisePredictor HALF = (xt, t) -> PointwiseOps.scale(xt, 0.5f);

  private final Scope scope = Scope.open(Device.cpu());

  @AfterEach
  void close() {
    scope.close();
  }

  static Stream<Sampler> samplers() {
    return Stream.of(
        Ddpm.full(),
        Ddpm.steps(7).thresholding(0.9, 2),
        Ddim.steps(7),
        Ddim.steps(7).eta(1).thresholding(0.9, 2),
        DdimInverse.steps(7),
        Pndm.steps(7),
        Pndm.steps(7).skipPrkSteps(true),
        DpmSolverPlusPlus.steps(7).order(3),
        DpmSolverPlusPlus.steps(7).sde(true),
        UniPc.steps(7).order(3),
        Deis.steps(7).order(3),
        Euler.steps(7),
        Euler.steps(7).churn(1),
        EulerAncestral.steps(7),
        Heun.steps(7).karrasSigmas(true),
        RePaint.of(picture(0.5f), picture(1)).steps(7).jumps(2, 2).eta(0.5));
  }

  private static Images picture(float value) {
    float[] pixels = new float[3 * 5 * 3];
    Arrays.fill(pixels, 0, 20, value);
    return new Images(1, 3, 5, 3, pixels);
  }

  private float[] sample(Sampler sampler, NoisePredictor predictor, Noise noise, int images) {
    Tensor x = noise.fill(scope.allocate(Shape.of(images, 3, 5, 3)), 0);
    sampler.sample(predictor, SCHEDULE, x, noise, null);
    return x.toArray();
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void anImageDoesNotDependOnItsBatch(Sampler sampler) {
    Noise noise = Noise.philox(9);
    float[] batch64 = sample(sampler, HALF, noise, 64);
    float[] batch8 = sample(sampler, HALF, noise, 8);
    float[] alone = sample(sampler, HALF, noise.from(5), 1);
    int size = 3 * 5 * 3;
    assertThat(batch8).isEqualTo(Arrays.copyOf(batch64, 8 * size));
    assertThat(alone).isEqualTo(Arrays.copyOfRange(batch64, 5 * size, 6 * size));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void imagesDoNotDependOnTheNumberOfThreads(int threads) {
    float[] expected = sample(Ddpm.full(), HALF, Noise.philox(9), 64);
    int before = Device.threads();
    try {
      Device.setThreads(threads);
      assertThat(sample(Ddpm.full(), HALF, Noise.philox(9), 64)).isEqualTo(expected);
    } finally {
      Device.setThreads(before);
    }
  }

  @Test
  void noiseIsDrawnOnlyWhereItEntersAStep() {
    assertThat(draws(Ddpm.steps(4))).containsExactly(1, 2, 3);
    assertThat(draws(Ddim.steps(4))).isEmpty();
    // Without noise into the last step, since its ᾱ is 1.
    assertThat(draws(Ddim.steps(4).eta(0.5))).containsExactly(1, 2, 3);
    // Its last step starts from timestep 4, not 0.
    assertThat(draws(Ddpm.steps(4).spacing(TimestepSpacing.TRAILING))).containsExactly(1, 2, 3, 4);
  }

  private List<Integer> draws(Sampler sampler) {
    List<Integer> draws = new ArrayList<>();
    Noise recording =
        new Noise() {
          @Override
          public Tensor fill(Tensor out, int draw) {
            draws.add(draw);
            return out.fill(0);
          }

          @Override
          public Noise from(long firstImage) {
            return this;
          }
        };
    sampler.sample(HALF, SCHEDULE, scope.zeros(Shape.of(1, 2, 2, 1)), recording, null);
    return draws;
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void theListenerHearsOfEveryStep(Sampler sampler) {
    double[] timesteps = sampler.timesteps(SCHEDULE);
    List<Double> heard = new ArrayList<>();
    List<Tensor> kept = new ArrayList<>();
    Tensor x = Noise.philox(1).fill(scope.allocate(Shape.of(2, 3, 5, 3)), 0);
    sampler.sample(
        HALF,
        SCHEDULE,
        x,
        Noise.philox(1),
        (index, steps, t, xt, x0) -> {
          assertThat(index).isEqualTo(heard.size());
          assertThat(steps).isEqualTo(timesteps.length);
          assertThat(xt.toArray()).isEqualTo(x.toArray());
          assertThat(x0.shape()).isEqualTo(x.shape());
          heard.add(t);
          kept.add(x0);
        });
    assertThat(heard).containsExactlyElementsOf(Arrays.stream(timesteps).boxed().toList());
    assertThatThrownBy(() -> kept.get(0).toArray()).isInstanceOf(ClosedException.class);
  }

  @Test
  void skippingLeavesTheFirstTimestepsOut() {
    for (Sampler sampler :
        List.of(
            Ddpm.steps(7),
            Ddim.steps(7),
            Pndm.steps(7).skipPrkSteps(true).skipping(1),
            DpmSolverPlusPlus.steps(7).karrasSigmas(true),
            UniPc.steps(7),
            Deis.steps(7),
            Euler.steps(7).karrasSigmas(true),
            EulerAncestral.steps(7),
            Heun.steps(7))) {
      double[] all = sampler.timesteps(SCHEDULE);
      double[] rest = sampler.skipping(2).timesteps(SCHEDULE);
      assertThat(rest.length).isLessThan(all.length);
      assertThat(rest[rest.length - 1]).isEqualTo(all[all.length - 1]);
      assertThatThrownBy(() -> sampler.skipping(7).timesteps(SCHEDULE))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("levels to skip are");
      assertThatThrownBy(() -> sampler.skipping(-1)).isInstanceOf(InvalidArgumentException.class);
    }
  }

  /** Solvers that remember nothing and add no noise, and the calls of their first three steps. */
  static Stream<Arguments> solversOfOneStep() {
    return Stream.of(
        Arguments.of(Ddim.steps(7), 3),
        Arguments.of(DpmSolverPlusPlus.steps(7).order(1), 3),
        Arguments.of(Euler.steps(7).spacing(TimestepSpacing.LEADING), 3),
        Arguments.of(Heun.steps(7).karrasSigmas(true), 6));
  }

  @ParameterizedTest
  @MethodSource("solversOfOneStep")
  void noisyImagesGoOnAsTheRestOfTheSteps(Sampler sampler, int calls) {
    double t = sampler.skipping(3).timesteps(SCHEDULE)[0];
    Tensor late = scope.allocate(Shape.of(2, 3, 5, 3));
    Tensor x = Noise.philox(9).fill(scope.allocate(late.shape()), 0);
    boolean divided = sampler instanceof Euler || sampler instanceof Heun;
    sampler.sample(
        HALF,
        SCHEDULE,
        x,
        Noise.philox(9),
        (index, steps, from, now, x0) -> {
          if (index == calls - 1) {
            float factor = divided ? (float) SCHEDULE.signal(t) : 1;
            late.copyFrom(PointwiseOps.scale(now, factor));
          }
        });
    sampler.skipping(3).sample(HALF, SCHEDULE, late, Noise.philox(9), null);
    // σ of Karras' levels is not quite that of their timesteps.
    double bound = sampler instanceof Heun ? 1e-2 : 1e-5;
    assertThat(late.toArray()).containsExactly(x.toArray(), within((float) bound));
  }

  @Test
  void inversionLeadsBackToTheNoise() {
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    NoisePredictor standardNormal = (xt, t) -> PointwiseOps.scale(xt, (float) schedule.sigma(t));
    Noise noise = Noise.philox(3);
    Tensor x = noise.fill(scope.allocate(Shape.of(1, 3, 5, 3)), 0);
    float[] start = x.toArray();
    Ddim.steps(500).noClip().sample(standardNormal, schedule, x, noise, null);
    DdimInverse.steps(500).noClip().sample(standardNormal, schedule, x, noise, null);
    // The two take the prediction at other ends of a step.
    assertThat(x.toArray()).containsExactly(start, within(0.02f));
  }

  @Test
  void aLearnedVarianceNeedsAPredictorThatGivesIt() {
    for (VarianceType type : List.of(VarianceType.LEARNED, VarianceType.LEARNED_RANGE)) {
      assertThatThrownBy(() -> sample(Ddpm.full().variance(type), HALF, Noise.philox(0), 2))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("variance type is " + type.configName())
          .hasMessageContaining("twice the channels of [2,3,5,3]");
    }
  }

  @Test
  void samplersThatNeedNoVarianceLeaveALearnedOneOut() {
    NoisePredictor learned = (xt, t) -> PointwiseOps.concat(HALF.predict(xt, t), xt);
    for (Sampler sampler : List.of(Ddpm.full(), Ddim.steps(5), UniPc.steps(5), Euler.steps(5))) {
      assertThat(sample(sampler, learned, Noise.philox(1), 2))
          .isEqualTo(sample(sampler, HALF, Noise.philox(1), 2));
    }
  }

  @Test
  void whatTheListenerThrowsEndsTheSampling() {
    RuntimeException stop = new RuntimeException("stop");
    Tensor x = scope.zeros(Shape.of(1, 2, 2, 1));
    assertThatThrownBy(
            () ->
                Ddim.steps(5)
                    .sample(
                        HALF,
                        SCHEDULE,
                        x,
                        Noise.philox(1),
                        (index, steps, t, xt, x0) -> {
                          throw stop;
                        }))
        .isSameAs(stop);
  }

  @Test
  void aPredictorMayReturnItsArgument() {
    float[] same = sample(Ddpm.full(), (xt, t) -> xt, Noise.philox(2), 2);
    float[] copy = sample(Ddpm.full(), (xt, t) -> PointwiseOps.scale(xt, 1), Noise.philox(2), 2);
    assertThat(same).isEqualTo(copy);
  }

  @Test
  void refusesPredictionsOfAnotherShape() {
    assertThatThrownBy(() -> sample(Ddim.steps(3), (xt, t) -> xt.slice(0, 1), Noise.philox(0), 2))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("[1,3,5,3]")
        .hasMessageContaining("[2,3,5,3]");
    assertThatThrownBy(() -> sample(Ddim.steps(3), (xt, t) -> null, Noise.philox(0), 2))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("null");
  }

  @Test
  void refusesOptionsOutOfRange() {
    for (double clip : new double[] {0, -1, Double.NaN}) {
      assertThatThrownBy(() -> Ddpm.full().clip(clip)).isInstanceOf(InvalidArgumentException.class);
      assertThatThrownBy(() -> Ddim.steps(1).clip(clip))
          .isInstanceOf(InvalidArgumentException.class);
    }
    for (double eta : new double[] {-0.1, 1.1, Double.NaN}) {
      assertThatThrownBy(() -> Ddim.steps(1).eta(eta))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("eta is " + eta);
    }
  }

  @Test
  void aPredictorOfNoiseCannotStartWithoutSignal() {
    NoiseSchedule schedule = SCHEDULE.rescaledToZeroTerminalSnr();
    Tensor x = scope.zeros(Shape.of(1, 2, 2, 1));
    assertThatThrownBy(() -> Ddpm.full().sample(HALF, schedule, x, Noise.philox(0), null))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("epsilon");
  }
}
