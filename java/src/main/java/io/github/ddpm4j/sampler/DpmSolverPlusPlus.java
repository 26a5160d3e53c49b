package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Multistep DPM-Solver++ (Lu et al., arXiv 2211.01095, algorithm 2): extrapolates x̂_0 from up to
 * three steps and integrates the rest of the equation exactly.
 *
 * <p>Steps as diffusers' {@code DPMSolverMultistepScheduler} does with {@code algorithm_type}
 * {@code dpmsolver++} or {@code sde-dpmsolver++}. Unless set, it solves the ODE at order 2 by the
 * midpoint rule, with spacing linspace, x̂_0 unclipped and the last step to the image itself, and
 * lowers the order towards the end if there are fewer than 15 steps. Immutable: each method returns
 * a changed sampler.
 *
 * <p>As in diffusers, order 3 weighs the second difference by half of what the exact integral of
 * the quadratic would (its order of convergence is 2), and with noise by a term that does not
 * vanish with the step.
 */
public final class DpmSolverPlusPlus extends SigmaSampler<DpmSolverPlusPlus> {
  /** How order 2 integrates the slope; {@code solver_type} in diffusers. */
  public enum SolverType {
    /** By its value in the middle. */
    MIDPOINT("midpoint"),
    /** Exactly. */
    HEUN("heun");

    private final String configName;

    SolverType(String configName) {
      this.configName = configName;
    }

    /** The name in a diffusers configuration: {@code midpoint} or {@code heun}. */
    public String configName() {
      return configName;
    }
  }

  /**
   * @param lowerOrderFinal whether few steps end at lower order
   * @param eulerAtFinal whether the last step is of order 1 in any case
   */
  private record Options(
      int order, boolean sde, SolverType type, boolean lowerOrderFinal, boolean eulerAtFinal) {}

  /** Below this many steps the last ones are of lower order. */
  private static final int FEW_STEPS = 15;

  private final Clipping clipping;
  private final Options options;

  private DpmSolverPlusPlus(
      Timesteps timesteps, NoiseLevels.Choice levels, Clipping clipping, Options options) {
    super(timesteps, levels);
    this.clipping = clipping;
    this.options = options;
  }

  /**
   * A number of steps.
   *
   * @param n at least 1, and less than the schedule's number of timesteps
   */
  public static DpmSolverPlusPlus steps(int n) {
    return of(Timesteps.spaced(n).spacing(TimestepSpacing.LINSPACE));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static DpmSolverPlusPlus timesteps(int... timesteps) {
    return of(Timesteps.custom(timesteps));
  }

  private static DpmSolverPlusPlus of(Timesteps timesteps) {
    return new DpmSolverPlusPlus(
        timesteps,
        new NoiseLevels.Choice(false, FinalSigma.ZERO),
        Clipping.NONE,
        new Options(2, false, SolverType.MIDPOINT, true, false));
  }

  /**
   * {@code solver_order} in diffusers: 2 is called 2M, 3 is called 3M.
   *
   * @param order 1 to 3
   */
  public DpmSolverPlusPlus order(int order) {
    Options o = options;
    return with(new Options(requireOrder(order), o.sde, o.type, o.lowerOrderFinal, o.eulerAtFinal));
  }

  static int requireOrder(int order) {
    if (order < 1 || order > 3) {
      throw new InvalidArgumentException("solver order is " + order + ", expected 1 to 3");
    }
    return order;
  }

  /** Whether to solve the SDE, with fresh noise in every step. */
  public DpmSolverPlusPlus sde(boolean sde) {
    Options o = options;
    return with(new Options(o.order, sde, o.type, o.lowerOrderFinal, o.eulerAtFinal));
  }

  /** {@code solver_type} in diffusers, for order 2. */
  public DpmSolverPlusPlus solverType(SolverType type) {
    Options o = options;
    return with(new Options(o.order, o.sde, type, o.lowerOrderFinal, o.eulerAtFinal));
  }

  /** Whether the last steps of fewer than 15 are of lower order. */
  public DpmSolverPlusPlus lowerOrderFinal(boolean lower) {
    Options o = options;
    return with(new Options(o.order, o.sde, o.type, lower, o.eulerAtFinal));
  }

  /** Whether the last step is of order 1, which it always is where it goes to the image itself. */
  public DpmSolverPlusPlus eulerAtFinal(boolean euler) {
    Options o = options;
    return with(new Options(o.order, o.sde, o.type, o.lowerOrderFinal, euler));
  }

  private DpmSolverPlusPlus with(Options other) {
    return new DpmSolverPlusPlus(timesteps, levels, clipping, other);
  }

  /** {@code final_sigmas_type} in diffusers. */
  public DpmSolverPlusPlus finalSigma(FinalSigma end) {
    return with(levels.end(end));
  }

  @Override
  DpmSolverPlusPlus with(Timesteps other) {
    return new DpmSolverPlusPlus(other, levels, clipping, options);
  }

  @Override
  DpmSolverPlusPlus with(NoiseLevels.Choice other) {
    return new DpmSolverPlusPlus(timesteps, other, clipping, options);
  }

  /** Dynamic thresholding; see {@link Ddpm#thresholding}. */
  public DpmSolverPlusPlus thresholding(double ratio, double maxValue) {
    return new DpmSolverPlusPlus(timesteps, levels, Clipping.dynamic(ratio, maxValue), options);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    return new Run(levels.multistep(timesteps, schedule), prediction);
  }

  private final class Run extends Solver {
    private final NoiseLevels levels;
    private final PredictionType prediction;
    private final History predicted = new History(options.order);

    Run(NoiseLevels levels, PredictionType prediction) {
      this.levels = levels;
      this.prediction = prediction;
    }

    @Override
    double[] timesteps() {
      return levels.timesteps();
    }

    @Override
    void step(Step step) {
      int i = step.call();
      Tensor m0 = predicted.push(step);
      clipping.predict(step.x(), step.output(), prediction.x0(levels.alphaBar(i)), m0);
      step.report(m0);
      update(step, Math.min(predicted.size(), orderAt(i)));
    }

    private int orderAt(int i) {
      boolean few = options.lowerOrderFinal && levels.total() < FEW_STEPS;
      int left = levels.count() - i;
      if (left == 1 && (few || options.eulerAtFinal || levels.endsThere(i))) {
        return 1;
      }
      return left == 2 && few ? Math.min(options.order, 2) : options.order;
    }

    /** x = decay x + c0 m0 + c1 D1 + c2 D2 + noise, with differences D1 and D2 of m0, m1, m2. */
    private void update(Step step, int order) {
      int i = step.call();
      // e^-h, from λ to the next.
      double ratio = levels.sigmas()[i + 1] / levels.sigmas()[i];
      double h = -Math.log(ratio);
      double decay = levels.noise(i + 1) / levels.noise(i) * (options.sde ? ratio : 1);
      double signal = levels.signal(i + 1);
      // With noise, the equation for x is that without with twice the step.
      double span = options.sde ? 2 * h : h;
      double e = -Math.expm1(-span);
      double w0 = signal * e;
      double w1 = 0;
      double w2 = 0;
      if (order == 2) {
        double r = (levels.lambda(i) - levels.lambda(i - 1)) / h;
        double c1 =
            signal * (options.type == SolverType.MIDPOINT ? e / 2 : span * Phi.phi(2, -span));
        w0 += c1 / r;
        w1 = -c1 / r;
      } else if (order == 3) {
        double r0 = (levels.lambda(i) - levels.lambda(i - 1)) / h;
        double r1 = (levels.lambda(i - 1) - levels.lambda(i - 2)) / h;
        double c1 = signal * span * Phi.phi(2, -span);
        double c2 = signal * (span * Phi.phi(3, -span) - (options.sde ? 1 : 0));
        // D1 = d0 + r0 D2 and D2 = (d0 - d1) / (r0 + r1), d0 = (m0 - m1) / r0, d1 = (m1 - m2) / r1.
        double second = (c1 * r0 + c2) / (r0 + r1);
        double d0 = c1 + second;
        w0 += d0 / r0;
        w1 = -d0 / r0 - second / r1;
        w2 = second / r1;
      }
      double noise = options.sde ? levels.noise(i + 1) * Math.sqrt(-Math.expm1(-2 * h)) : 0;
      Tensor m0 = predicted.get(0);
      DiffusionOps.linearCombination(
          step.x(),
          new Term(decay, step.x()),
          new Term(w0, m0),
          new Term(w1, order > 1 ? predicted.get(1) : m0),
          new Term(w2, order > 2 ? predicted.get(2) : m0),
          new Term(noise, noise == 0 ? m0 : step.noise()));
    }
  }
}
