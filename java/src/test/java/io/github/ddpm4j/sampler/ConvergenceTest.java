package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Order of convergence. For data of mean m and deviation s the solution of the ODE is known: (x/√ᾱ
 * - m) / √(s² + σ²) stays the same.
 */
class ConvergenceTest {
  private static final double MEAN = 0.3;
  private static final double DEVIATION = 0.5;

  /** 960 steps, so that many numbers of steps divide them. */
  private static final int STEPS = 961;

  private static final double LEAST_SIGMA = 0.1;
  private static final double LARGEST_SIGMA = 10;
  private static final NoiseSchedule SCHEDULE = logarithmic();

  private static final int VALUES = 64;

  /** log σ in equal steps: equal steps of timesteps are equal steps of all solvers. */
  private static NoiseSchedule logarithmic() {
    double[] betas = new double[STEPS];
    double previous = 1;
    for (int t = 0; t < STEPS; t++) {
      double sigma = LEAST_SIGMA * Math.pow(LARGEST_SIGMA / LEAST_SIGMA, t / (STEPS - 1.0));
      double alphaBar = 1 / (1 + sigma * sigma);
      betas[t] = 1 - alphaBar / previous;
      previous = alphaBar;
    }
    return NoiseSchedule.custom(betas);
  }

  static Stream<Arguments> solvers() {
    return Stream.of(
        solver("DDIM", 1, n -> Ddim.steps(n).noClip().setAlphaToOne(false)),
        solver("DPM-Solver++ 1", 1, n -> dpm(n).order(1)),
        solver("DPM-Solver++ 2M", 2, ConvergenceTest::dpm),
        solver("... Heun", 2, n -> dpm(n).solverType(DpmSolverPlusPlus.SolverType.HEUN)),
        solver("DPM-Solver++ 3M", 2, n -> dpm(n).order(3)),
        solver("UniPC 1", 2, n -> uniPc(n).order(1)),
        solver("UniPC 2", 3, ConvergenceTest::uniPc),
        solver("UniPC 2, B_1", 3, n -> uniPc(n).solverType(UniPc.SolverType.BH1)),
        solver("UniPC 3", 4, n -> uniPc(n).order(3)),
        solver("DEIS 1", 1, n -> deis(n).order(1)),
        solver("DEIS 2", 2, ConvergenceTest::deis),
        solver("DEIS 3", 3, n -> deis(n).order(3)),
        solver("Euler", 1, n -> Euler.steps(n + 1).finalSigma(FinalSigma.SIGMA_MIN)),
        solver("Heun", 2, n -> Heun.steps(n + 1)),
        solver("PNDM", 2, Pndm::steps),
        solver("PLMS", 2, n -> Pndm.steps(n).skipPrkSteps(true)));
  }

  private static Arguments solver(String name, int order, IntFunction<Sampler> sampler) {
    return Arguments.of(name, order, sampler);
  }

  private static DpmSolverPlusPlus dpm(int n) {
    return DpmSolverPlusPlus.steps(n).lowerOrderFinal(false).finalSigma(FinalSigma.SIGMA_MIN);
  }

  private static UniPc uniPc(int n) {
    return UniPc.steps(n).lowerOrderFinal(false).finalSigma(FinalSigma.SIGMA_MIN);
  }

  private static Deis deis(int n) {
    return Deis.steps(n).lowerOrderFinal(false);
  }

  /** Half the step, 2^order less error; where float32 rounding is near, from a larger step. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("solvers")
  void errorsFallWithTheStepAsTheOrderSays(String name, int order, IntFunction<Sampler> sampler) {
    int n = order > 2 ? 24 : 48;
    double ratio = error(sampler.apply(n)) / error(sampler.apply(2 * n));
    assertThat(Math.log(ratio) / Math.log(2)).isCloseTo(order, within(0.4));
  }

  private static double error(Sampler sampler) {
    double start = SCHEDULE.alphaBar(sampler.timesteps(SCHEDULE)[0]);
    double end = SCHEDULE.alphaBar(0);
    float[] x = new float[VALUES];
    for (int i = 0; i < VALUES; i++) {
      x[i] = (float) (-2 + 4.0 * i / (VALUES - 1));
    }
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor images = scope.tensor(Shape.of(1, 8, 8, 1), x);
      Solver solver = ((SolverSampler) sampler).solver(SCHEDULE, PredictionType.EPSILON);
      float[] y = new float[VALUES];
      // Heun's last step goes to σ = 0 whatever the number of steps.
      int skipped = sampler instanceof Heun ? 1 : 0;
      sampler.sample(
          ConvergenceTest::noiseIn,
          SCHEDULE,
          images,
          Noise.philox(0),
          (i, steps, t, now, x0) -> {
            if (i == steps - 1 - skipped) {
              now.copyTo(y);
            }
          });
      double error = 0;
      for (int i = 0; i < VALUES; i++) {
        boolean ve = solver instanceof EdmSolver;
        double from = ve ? x[i] * solver.initialScale() : x[i] / Math.sqrt(start);
        double to = MEAN + (from - MEAN) * Math.sqrt(spread(end) / spread(start));
        double got = ve ? y[i] : y[i] / Math.sqrt(end);
        error = Math.max(error, Math.abs(got - to));
      }
      return error;
    }
  }

  private static double spread(double alphaBar) {
    return DEVIATION * DEVIATION + (1 - alphaBar) / alphaBar;
  }

  /** E[ε | x_t] = σ_t (x_t - √ᾱ_t m) / (ᾱ_t s² + σ_t²), as x_t and ε are jointly normal. */
  private static Tensor noiseIn(Tensor xt, double t) {
    double sigma = SCHEDULE.sigma(t);
    double signal = SCHEDULE.signal(t);
    double variance = signal * signal * DEVIATION * DEVIATION + sigma * sigma;
    float[] values = xt.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (sigma * (values[i] - signal * MEAN) / variance);
    }
    return xt.scope().tensor(xt.shape(), values);
  }
}
