package io.github.ddpm4j.sampler;

import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/**
 * DEIS (Zhang and Chen, arXiv 2204.13902, ρAB-DEIS with a logarithmic ρ): extrapolates ε̂ from up
 * to three steps by a polynomial in log σ, and integrates x_t/√ᾱ_t = ∫ ε̂ dσ exactly.
 *
 * <p>Steps as diffusers' {@code DEISMultistepScheduler} does. Unless set, it has order 2, with
 * spacing linspace and x̂_0 unclipped, and lowers the order towards the end if there are fewer than
 * 15 steps. It ends at the noise of the schedule's first timestep, as there is no way to σ = 0.
 * Immutable: each method returns a changed sampler.
 */
public final class Deis extends SigmaSampler<Deis> {
  /** Below this many steps the last ones are of lower order. */
  private static final int FEW_STEPS = 15;

  private final Clipping clipping;
  private final int order;
  private final boolean lowerOrderFinal;

  private Deis(
      Timesteps timesteps,
      NoiseLevels.Choice levels,
      Clipping clipping,
      int order,
      boolean lowerOrderFinal) {
    super(timesteps, levels);
    this.clipping = clipping;
    this.order = order;
    this.lowerOrderFinal = lowerOrderFinal;
  }

  /**
   * A number of steps.
   *
   * @param n at least 1, and less than the schedule's number of timesteps
   */
  public static Deis steps(int n) {
    return of(Timesteps.spaced(n).spacing(TimestepSpacing.LINSPACE));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static Deis timesteps(int... timesteps) {
    return of(Timesteps.custom(timesteps));
  }

  private static Deis of(Timesteps timesteps) {
    return new Deis(
        timesteps, new NoiseLevels.Choice(false, FinalSigma.SIGMA_MIN), Clipping.NONE, 2, true);
  }

  /**
   * {@code solver_order} in diffusers.
   *
   * @param order 1 to 3
   */
  public Deis order(int order) {
    return new Deis(
        timesteps, levels, clipping, DpmSolverPlusPlus.requireOrder(order), lowerOrderFinal);
  }

  /** Whether the last steps of fewer than 15 are of lower order. */
  public Deis lowerOrderFinal(boolean lower) {
    return new Deis(timesteps, levels, clipping, order, lower);
  }

  @Override
  Deis with(Timesteps other) {
    return new Deis(other, levels, clipping, order, lowerOrderFinal);
  }

  @Override
  Deis with(NoiseLevels.Choice other) {
    return new Deis(timesteps, other, clipping, order, lowerOrderFinal);
  }

  /** Dynamic thresholding; see {@link Ddpm#thresholding}. */
  public Deis thresholding(double ratio, double maxValue) {
    return new Deis(timesteps, levels, Clipping.dynamic(ratio, maxValue), order, lowerOrderFinal);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    return new Run(levels.multistep(timesteps, schedule), prediction);
  }

  private final class Run extends Solver {
    private final NoiseLevels levels;
    private final PredictionType prediction;
    private final History epsilons = new History(order);

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
      double alphaBar = levels.alphaBar(i);
      Tensor x0 = step.x0OrMemory();
      clipping.predict(step.x(), step.output(), prediction.x0(alphaBar), x0);
      Clipping.NONE.predict(
          step.x(), x0, PredictionType.SAMPLE.epsilon(alphaBar), epsilons.push(step));
      double[] weights = weights(i, Math.min(epsilons.size(), orderAt(i)));
      Term[] terms = new Term[1 + weights.length];
      terms[0] = new Term(levels.signal(i + 1) / levels.signal(i), step.x());
      for (int k = 0; k < weights.length; k++) {
        terms[1 + k] = new Term(levels.signal(i + 1) * weights[k], epsilons.get(k));
      }
      DiffusionOps.linearCombination(step.x(), terms);
    }

    private int orderAt(int i) {
      boolean few = lowerOrderFinal && levels.total() < FEW_STEPS;
      return few ? Math.min(order, levels.count() - i) : order;
    }

    /** Integrals over σ of the Lagrange polynomials in v = log σ - log σ_i. */
    private double[] weights(int i, int n) {
      double sigma = levels.sigmas()[i];
      double end = levels.lambda(i) - levels.lambda(i + 1);
      // ∫ e^v v^k dv from 0 to end.
      double m0 = Math.expm1(end);
      double m1 = Math.exp(end) * end - m0;
      double m2 = Math.exp(end) * end * end - 2 * m1;
      if (n == 1) {
        return new double[] {sigma * m0};
      }
      double v1 = levels.lambda(i) - levels.lambda(i - 1);
      if (n == 2) {
        return new double[] {sigma * (m0 - m1 / v1), sigma * m1 / v1};
      }
      double v2 = levels.lambda(i) - levels.lambda(i - 2);
      return new double[] {
        sigma * (m2 - (v1 + v2) * m1 + v1 * v2 * m0) / (v1 * v2),
        sigma * (m2 - v2 * m1) / (v1 * (v1 - v2)),
        sigma * (m2 - v1 * m1) / (v2 * (v2 - v1))
      };
    }
  }
}
