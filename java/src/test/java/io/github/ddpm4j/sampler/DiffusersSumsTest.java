package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Figures that diffusers publishes of its schedulers: the sum or mean of the absolute samples of
 * {@code test_full_loop_*} in its {@code tests/schedulers/test_scheduler_*.py}, for 4 pictures of
 * [3,8,8] with elements 0/768, 1/768, ... and the model x t/(t+1). The bounds are diffusers' own:
 * 1e-2 for a sum and 1e-3 for a mean.
 */
class DiffusersSumsTest {
  private static final int COUNT = 4 * 3 * 8 * 8;
  private static final double SUM_BOUND = 1e-2;
  private static final double MEAN_BOUND = 1e-3;

  /** Of the PyTorch noise of these tests: {@code torch.manual_seed(0)}. */
  private static final long SEED = 0;

  private static final NoiseSchedule LINEAR = NoiseSchedule.linear(1000).asFloat32();
  private static final NoiseSchedule FROM_A_HUNDREDTH =
      NoiseSchedule.linear(1000, 0.01, 0.02).asFloat32();
  private static final NoiseSchedule LONG = NoiseSchedule.linear(1100).asFloat32();
  private static final PredictionType EPSILON = PredictionType.EPSILON;
  private static final PredictionType V = PredictionType.V_PREDICTION;

  private static Tensor model(Tensor x, double t) {
    return PointwiseOps.scale(x, (float) (t / (t + 1)));
  }

  /**
   * Element (n, h, w, c) of a tensor is (((c 8 + h) 8 + w) 4 + n) / 768, or counted from the end.
   */
  private static Tensor picture(Scope scope, boolean reversed) {
    float[] values = new float[COUNT];
    for (int n = 0; n < 4; n++) {
      for (int p = 0; p < 64; p++) {
        for (int c = 0; c < 3; c++) {
          int number = (c * 64 + p) * 4 + n;
          values[(n * 64 + p) * 3 + c] = (reversed ? COUNT - 1 - number : number) / (float) COUNT;
        }
      }
    }
    return scope.tensor(Shape.of(4, 8, 8, 3), values);
  }

  private static double sum(Tensor x) {
    double sum = 0;
    for (float value : x.toArray()) {
      sum += Math.abs(value);
    }
    return sum;
  }

  static Stream<Arguments> loops() {
    return Stream.of(
        Arguments.of(Ddpm.full(), LINEAR, EPSILON, 258.9606),
        Arguments.of(Ddpm.full(), LINEAR, V, 202.0296),
        Arguments.of(Ddim.steps(10), LINEAR, EPSILON, 172.0067),
        Arguments.of(Ddim.steps(10), LINEAR, V, 52.5302),
        Arguments.of(Ddim.steps(10), FROM_A_HUNDREDTH, EPSILON, 149.8295),
        Arguments.of(Ddim.steps(10).setAlphaToOne(false), FROM_A_HUNDREDTH, EPSILON, 149.0784),
        Arguments.of(DdimInverse.steps(10), LINEAR, EPSILON, 671.6816),
        Arguments.of(DdimInverse.steps(10), LINEAR, V, 1394.2185),
        Arguments.of(DdimInverse.steps(10), FROM_A_HUNDREDTH, EPSILON, 539.9622),
        Arguments.of(
            DdimInverse.steps(10).setAlphaToOne(false), FROM_A_HUNDREDTH, EPSILON, 542.6722),
        Arguments.of(Pndm.steps(10), LINEAR, EPSILON, 198.1318),
        Arguments.of(Pndm.steps(10), LINEAR, V, 67.3986),
        Arguments.of(Pndm.steps(10).setAlphaToOne(true), FROM_A_HUNDREDTH, EPSILON, 230.0399),
        Arguments.of(Pndm.steps(10), FROM_A_HUNDREDTH, EPSILON, 186.9482));
  }

  private static DpmSolverPlusPlus dpm() {
    return DpmSolverPlusPlus.steps(10).lowerOrderFinal(false).finalSigma(FinalSigma.SIGMA_MIN);
  }

  static Stream<Arguments> means() {
    DpmSolverPlusPlus dpm = dpm();
    UniPc uniPc = UniPc.steps(10).finalSigma(FinalSigma.SIGMA_MIN);
    return Stream.of(
        Arguments.of(dpm, EPSILON, 0.3301),
        Arguments.of(dpm.thresholding(0.87, 0.5), EPSILON, 1.1364),
        Arguments.of(dpm, V, 0.2251),
        Arguments.of(dpm.karrasSigmas(true), V, 0.2096),
        Arguments.of(uniPc, EPSILON, 0.2464),
        Arguments.of(uniPc, V, 0.1014),
        Arguments.of(uniPc.karrasSigmas(true), EPSILON, 0.2925),
        Arguments.of(uniPc.karrasSigmas(true), V, 0.1966),
        Arguments.of(Deis.steps(10), EPSILON, 0.23916),
        Arguments.of(Deis.steps(10), V, 0.091));
  }

  /** Begin late, at noisy images. */
  static Stream<Arguments> startedLate() {
    return Stream.of(
        Arguments.of(Ddpm.full().skipping(998), 387.9466),
        Arguments.of(Ddim.steps(10).skipping(8), 354.5418),
        Arguments.of(dpm().skipping(5), 318.4111),
        Arguments.of(UniPc.steps(10).finalSigma(FinalSigma.SIGMA_MIN).skipping(8), 315.5757),
        Arguments.of(Deis.steps(10).skipping(8), 315.3016));
  }

  @ParameterizedTest
  @MethodSource("loops")
  void sumsOfFullLoops(Sampler sampler, NoiseSchedule schedule, PredictionType type, double sum) {
    assertThat(sampled(sampler, schedule, type)).isCloseTo(sum, within(SUM_BOUND));
  }

  @ParameterizedTest
  @MethodSource("means")
  void meansOfFullLoops(Sampler sampler, PredictionType type, double mean) {
    assertThat(sampled(sampler, LINEAR, type) / COUNT).isCloseTo(mean, within(MEAN_BOUND));
  }

  private static double sampled(Sampler sampler, NoiseSchedule schedule, PredictionType type) {
    NoisePredictor predictor = DiffusersSumsTest::model;
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = picture(scope, false);
      sampler.sample(predictor.as(type), schedule, x, Noise.torch(SEED), null);
      return sum(x);
    }
  }

  @ParameterizedTest
  @MethodSource("startedLate")
  void sumsOfLoopsWithNoiseAdded(Sampler sampler, double sum) {
    try (Scope scope = Scope.open(Device.cpu())) {
      double t = sampler.timesteps(LINEAR)[0];
      Tensor x = new ForwardProcess(LINEAR).jump(picture(scope, false), picture(scope, true), t);
      sampler.sample(DiffusersSumsTest::model, LINEAR, x, Noise.torch(SEED), null);
      assertThat(sum(x)).isCloseTo(sum, within(SUM_BOUND));
    }
  }

  static Stream<Arguments> scaledLoops() {
    return Stream.of(
        Arguments.of(Euler.steps(10), EPSILON, 10.0807),
        Arguments.of(Euler.steps(10), V, 0.0002),
        Arguments.of(Euler.steps(10).karrasSigmas(true), EPSILON, 124.5229949951),
        Arguments.of(EulerAncestral.steps(10), EPSILON, 152.3192),
        Arguments.of(EulerAncestral.steps(10), V, 108.4439),
        Arguments.of(Heun.steps(10), EPSILON, 0.1233),
        Arguments.of(Heun.steps(10), V, 4.6934e-07),
        Arguments.of(Heun.steps(10).karrasSigmas(true), EPSILON, 0.00015));
  }

  /**
   * These tests of diffusers hand the scheduler the images as scaled for the network, so that they
   * shrink in every step; what they check is the scheduler's steps, not images.
   */
  @ParameterizedTest
  @MethodSource("scaledLoops")
  void sumsOfLoopsOverScaledImages(SolverSampler sampler, PredictionType type, double sum) {
    try (Scope scope = Scope.open(Device.cpu())) {
      Solver solver = sampler.solver(LONG, type);
      Tensor x = picture(scope, false);
      x.copyFrom(PointwiseOps.scale(x, (float) solver.initialScale()));
      assertThat(scaledLoop(solver, x)).isCloseTo(sum, within(SUM_BOUND));
    }
  }

  static Stream<Arguments> scaledLoopsStartedLate() {
    return Stream.of(
        Arguments.of(Euler.steps(10), 57062.9297),
        Arguments.of(EulerAncestral.steps(10), 56163.0508),
        Arguments.of(Heun.steps(10), 75074.8906));
  }

  /** Sums of which diffusers' bound is below float32 rounding, so to eight roundings. */
  @ParameterizedTest
  @MethodSource("scaledLoopsStartedLate")
  void sumsOfLoopsOverScaledImagesWithNoiseAdded(SolverSampler sampler, double sum) {
    try (Scope scope = Scope.open(Device.cpu())) {
      double initial = sampler.solver(LONG, EPSILON).initialScale();
      EdmSolver solver = (EdmSolver) ((SolverSampler) sampler.skipping(8)).solver(LONG, EPSILON);
      Tensor x = PointwiseOps.scale(picture(scope, false), (float) initial);
      Tensor noise = PointwiseOps.scale(picture(scope, true), (float) solver.levels.sigmas()[0]);
      double rounding = 8 * Math.ulp((float) sum);
      assertThat(scaledLoop(solver, PointwiseOps.add(x, noise))).isCloseTo(sum, within(rounding));
    }
  }

  private static double scaledLoop(Solver solver, Tensor x) {
    Noise noise = Noise.torch(SEED);
    double[] timesteps = solver.timesteps();
    for (int call = 0; call < timesteps.length; call++) {
      x.copyFrom(PointwiseOps.scale(x, (float) solver.inputScale(call)));
      Tensor output = model(x, timesteps[call]);
      solver.step(new Solver.Step(call, x, output, null, null, noise, x.scope()));
    }
    return sum(x);
  }
}
