package io.github.ddpm4j.sampler;

import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Heun's method of order 2 (Karras et al., arXiv 2206.00364, algorithm 1), over x_t/√ᾱ_t, which is
 * what a listener sees: a step of Euler's method, then once more with the mean of the slopes at
 * both ends. Two calls of the predictor a step, one for the last.
 *
 * <p>Steps as diffusers' {@code HeunDiscreteScheduler} does. Unless set, x̂_0 is not clipped and
 * the spacing is linspace, whose timesteps may be fractions. Immutable: each method returns a
 * changed sampler.
 */
public final class Heun extends SigmaSampler<Heun> {
  private final Clipping clipping;

  private Heun(Timesteps timesteps, NoiseLevels.Choice levels, Clipping clipping) {
    super(timesteps, levels);
    this.clipping = clipping;
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static Heun steps(int n) {
    return of(Timesteps.spaced(n).spacing(TimestepSpacing.LINSPACE));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static Heun timesteps(int... timesteps) {
    return of(Timesteps.custom(timesteps));
  }

  private static Heun of(Timesteps timesteps) {
    return new Heun(timesteps, new NoiseLevels.Choice(false, FinalSigma.ZERO), Clipping.NONE);
  }

  /**
   * Clips x̂_0 to [-range, range]; {@code clip_sample_range} in diffusers.
   *
   * @param range above 0
   */
  public Heun clip(double range) {
    return new Heun(timesteps, levels, Clipping.range(range));
  }

  @Override
  Heun with(Timesteps other) {
    return new Heun(other, levels, clipping);
  }

  @Override
  Heun with(NoiseLevels.Choice other) {
    return new Heun(timesteps, other, clipping);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    return new EdmSolver(levels.edm(timesteps, schedule), timesteps, prediction) {
      private final History started = new History(1);
      private final History predicted = new History(1);

      @Override
      double[] timesteps() {
        double[] all = new double[2 * levels.count() - 1];
        for (int call = 0; call < all.length; call++) {
          all[call] = levels.timesteps()[level(call)];
        }
        return all;
      }

      @Override
      int level(int call) {
        return (call + 1) / 2;
      }

      @Override
      void step(Step step) {
        int level = level(step.call());
        double sigma = levels.sigmas()[level];
        Tensor x = step.x();
        if (step.call() % 2 == 0) {
          Tensor x0 = predicted.push(step);
          clipping.predict(x, step.output(), x0(level, sigma), x0);
          step.report(x0);
          started.push(step).copyFrom(x);
          double kept = levels.sigmas()[level + 1] / sigma;
          DiffusionOps.linearCombination(x, new Term(kept, x), new Term(1 - kept, x0));
        } else {
          Tensor x0 = step.x0OrMemory();
          clipping.predict(x, step.output(), x0(level, sigma), x0);
          double from = levels.sigmas()[level - 1];
          double half = (sigma - from) / 2;
          DiffusionOps.linearCombination(
              x,
              new Term(1 + half / from, started.get(0)),
              new Term(-half / from, predicted.get(0)),
              new Term(half / sigma, x),
              new Term(-half / sigma, x0));
        }
      }
    };
  }
}
