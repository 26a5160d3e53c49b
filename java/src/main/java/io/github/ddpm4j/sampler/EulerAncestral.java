package io.github.ddpm4j.sampler;

import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.PredictionType.Combination;
import io.github.ddpm4j.schedule.NoiseSchedule;

/**
 * Euler's method with fresh noise: each step goes down further than the next level, to σ_down, and
 * back up to it by noise of deviation σ_up, σ_up² = σ_to² (σ_from² - σ_to²) / σ_from² (Song et al.,
 * arXiv 2011.13456, appendix F, as in the k-diffusion project), over x_t/√ᾱ_t, which is what a
 * listener sees.
 *
 * <p>Steps as diffusers' {@code EulerAncestralDiscreteScheduler} does. Unless set, the spacing is
 * linspace, whose timesteps may be fractions. Immutable: each method returns a changed sampler.
 */
public final class EulerAncestral extends SpacedSampler<EulerAncestral> {
  private EulerAncestral(Timesteps timesteps) {
    super(timesteps);
  }

  /**
   * A number of steps.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public static EulerAncestral steps(int n) {
    return new EulerAncestral(Timesteps.spaced(n).spacing(TimestepSpacing.LINSPACE));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static EulerAncestral timesteps(int... timesteps) {
    return new EulerAncestral(Timesteps.custom(timesteps));
  }

  @Override
  EulerAncestral with(Timesteps other) {
    return new EulerAncestral(other);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    NoiseLevels.Choice choice = new NoiseLevels.Choice(false, FinalSigma.ZERO);
    return new EdmSolver(choice.edm(timesteps, schedule), timesteps, prediction) {
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
        double from = levels.sigmas()[i];
        double to = levels.sigmas()[i + 1];
        double up = Math.sqrt(to * to * (from * from - to * to)) / from;
        double down = Math.sqrt(to * to - up * up);
        Combination x0 = x0(i, from);
        double kept = down / from;
        Clipping.NONE.reverseStep(
            step,
            up == 0 ? null : step.noise(),
            new ReverseStep(
                x0.fromXt(), x0.fromOutput(), Double.POSITIVE_INFINITY, 1 - kept, kept, 0, up));
      }
    };
  }
}
