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
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Whole runs of multistep solvers against the formulas of diffusers, for their options. */
class SolverFormulaTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1000);
  private static final Shape SHAPE = Shape.of(2, 3, 3, 1);

  @Property(tries = 60)
  void dpmSolverPlusPlus(
      @ForAll @IntRange(min = 1, max = 40) int steps,
      @ForAll @IntRange(min = 1, max = 3) int order,
      @ForAll DpmSolverPlusPlus.SolverType type,
      @ForAll boolean sde,
      @ForAll TimestepSpacing spacing,
      @ForAll FinalSigma end) {
    DpmSolverPlusPlus sampler =
        DpmSolverPlusPlus.steps(steps)
            .order(order)
            .solverType(type)
            .sde(sde)
            .lowerOrderFinal(false)
            .spacing(spacing)
            .finalSigma(end);
    boolean heun = type == DpmSolverPlusPlus.SolverType.HEUN;
    check(
        sampler,
        end == FinalSigma.ZERO,
        (solvers, x, noise) -> solvers.dpm(order, heun, sde, x, noise));
  }

  @Property(tries = 40)
  void deis(
      @ForAll @IntRange(min = 1, max = 40) int steps,
      @ForAll @IntRange(min = 1, max = 3) int order,
      @ForAll TimestepSpacing spacing) {
    check(
        Deis.steps(steps).order(order).lowerOrderFinal(false).spacing(spacing),
        false,
        (solvers, x, noise) -> solvers.deis(order, x));
  }

  @Property(tries = 40)
  void uniPc(
      @ForAll @IntRange(min = 1, max = 40) int steps,
      @ForAll @IntRange(min = 1, max = 2) int order,
      @ForAll UniPc.SolverType type,
      @ForAll TimestepSpacing spacing,
      @ForAll FinalSigma end) {
    check(
        UniPc.steps(steps)
            .order(order)
            .solverType(type)
            .lowerOrderFinal(false)
            .spacing(spacing)
            .finalSigma(end),
        end == FinalSigma.ZERO,
        (solvers, x, noise) -> solvers.uniPc(order, type == UniPc.SolverType.BH1, x));
  }

  @FunctionalInterface
  private interface Reference {
    double run(DiffusersSolvers solvers, double x, double[] noise);
  }

  private static double epsilon(double x, double t) {
    return x * t / (t + 50) + 0.1 * Math.sin(x);
  }

  private static void check(Sampler sampler, boolean toZero, Reference reference) {
    double[] t = sampler.timesteps(SCHEDULE);
    double[] sigmas = new double[t.length + 1];
    for (int i = 0; i < sigmas.length; i++) {
      double alphaBar = SCHEDULE.alphaBar(i < t.length ? t[i] : toZero ? -1 : 0);
      sigmas[i] = Math.sqrt((1 - alphaBar) / alphaBar);
    }
    DiffusersSolvers solvers = new DiffusersSolvers(t, sigmas, SolverFormulaTest::epsilon);
    Noise noise = Noise.philox(11);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = noise.fill(scope.allocate(SHAPE), 0);
      float[] start = x.toArray();
      float[][] draws = new float[t.length][];
      for (int i = 0; i < t.length; i++) {
        draws[i] = noise.fill(scope.allocate(SHAPE), i + 1).toArray();
      }
      sampler.sample(SolverFormulaTest::model, SCHEDULE, x, noise, null);
      float[] got = x.toArray();
      for (int n = 0; n < got.length; n++) {
        double[] z = new double[t.length];
        for (int i = 0; i < t.length; i++) {
          z[i] = draws[i][n];
        }
        double expected = reference.run(solvers, start[n], z);
        // x̂_0 of the first step is some 150 roundings of x, by which errors may grow.
        double error = 300 * 0x1p-24 * Math.max(1, Math.abs(expected)) * t.length;
        assertThat((double) got[n]).isCloseTo(expected, within(error));
      }
    }
  }

  private static Tensor model(Tensor xt, double t) {
    float[] values = xt.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) epsilon(values[i], t);
    }
    return xt.scope().tensor(xt.shape(), values);
  }

  /** The solvers' own levels are those that the test has worked out. */
  @Property(tries = 5)
  void levelsAreThoseOfTheSchedule(@ForAll @IntRange(min = 2, max = 30) int steps) {
    Euler sampler = Euler.steps(steps);
    EdmSolver solver = (EdmSolver) sampler.solver(SCHEDULE, PredictionType.EPSILON);
    for (int i = 0; i < steps; i++) {
      double alphaBar = SCHEDULE.alphaBar(solver.levels.timesteps()[i]);
      assertThat(solver.levels.alphaBar(i)).isCloseTo(alphaBar, within(1e-15));
    }
  }
}
