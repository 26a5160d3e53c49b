package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.PredictionType.Combination;
import io.github.ddpm4j.schedule.NoiseSchedule;

/**
 * Euler's method in the form of Karras et al. (arXiv 2206.00364, algorithm 2 without its second
 * order correction), over x_t/√ᾱ_t, which is what a listener sees.
 *
 * <p>Steps as diffusers' {@code EulerDiscreteScheduler} does. Unless set, no noise is added, and
 * the spacing is linspace, whose timesteps may be fractions. Immutable: each method returns a
 * changed sampler.
 */
public final class Euler extends SigmaSampler<Euler> {
  /** Noise added to a level before the step from it, and between which σ. */
  private record Churn(double amount, double least, double most, double deviation) {
    static final Churn NONE = new Churn(0, 0, Double.POSITIVE_INFINITY, 1);

    /** γ, by which the level's σ grows. */
    double gamma(double sigma, int steps) {
      return sigma >= least && sigma <= most ? Math.min(amount / steps, Math.sqrt(2) - 1) : 0;
    }
  }

  private final Churn churn;

  private Euler(Timesteps timesteps, NoiseLevels.Choice levels, Churn churn) {
    super(timesteps, levels);
    this.churn = churn;
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static Euler steps(int n) {
    return of(Timesteps.spaced(n).spacing(TimestepSpacing.LINSPACE));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static Euler timesteps(int... timesteps) {
    return of(Timesteps.custom(timesteps));
  }

  private static Euler of(Timesteps timesteps) {
    return new Euler(timesteps, new NoiseLevels.Choice(false, FinalSigma.ZERO), Churn.NONE);
  }

  /**
   * Adds noise before each step, at all levels; see {@link #churn(double, double, double, double)}.
   */
  public Euler churn(double amount) {
    return churn(amount, 0, Double.POSITIVE_INFINITY, 1);
  }

  /**
   * Adds noise before each step: S_churn, S_tmin, S_tmax and S_noise of Karras et al. As in
   * diffusers, the predictor is called before the noise is added.
   *
   * @param amount at least 0
   * @param least smallest σ of a level to which noise is added
   * @param most largest such σ
   * @param deviation of the noise, in place of 1
   */
  public Euler churn(double amount, double least, double most, double deviation) {
    if (!(amount >= 0) || !(deviation >= 0)) {
      throw new InvalidArgumentException(
          "churn of "
              + amount
              + " with noise of deviation "
              + deviation
              + ", expected numbers of at least 0");
    }
    return new Euler(timesteps, levels, new Churn(amount, least, most, deviation));
  }

  /** {@code final_sigmas_type} in diffusers. */
  public Euler finalSigma(FinalSigma end) {
    return with(levels.end(end));
  }

  @Override
  Euler with(Timesteps other) {
    return new Euler(other, levels, churn);
  }

  @Override
  Euler with(NoiseLevels.Choice other) {
    return new Euler(timesteps, other, churn);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    return new EdmSolver(levels.edm(timesteps, schedule), timesteps, prediction) {
      @Override
      double[] timesteps() {
        return levels.timesteps();
      }

      @Override
      int level(int call) {
        return call;
      }

      @Override
      void step(Step step) {
        int i = step.call();
        double sigma = levels.sigmas()[i];
        double gamma = churn.gamma(sigma, levels.total());
        double noisy = sigma * (1 + gamma);
        if (gamma > 0) {
          double added = churn.deviation * Math.sqrt(noisy * noisy - sigma * sigma);
          DiffusionOps.linearCombination(
              step.x(), new Term(1, step.x()), new Term(added, step.noise()));
        }
        Combination x0 = x0(i, noisy);
        double kept = levels.sigmas()[i + 1] / noisy;
        Clipping.NONE.reverseStep(
            step,
            null,
            new ReverseStep(
                x0.fromXt(), x0.fromOutput(), Double.POSITIVE_INFINITY, 1 - kept, kept, 0, 0));
      }
    };
  }
}
