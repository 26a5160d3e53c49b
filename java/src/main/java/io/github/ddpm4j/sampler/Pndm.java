package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.PredictionType.Combination;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * PNDM (Liu et al., arXiv 2202.09778): the linear multistep method of order 4 with DDIM's transfer
 * from level to level, started by three steps of Runge-Kutta (PRK), or without them by lower orders
 * (PLMS).
 *
 * <p>Steps as diffusers' {@code PNDMScheduler} does. Unless set, it starts by PRK, the last step
 * goes to ᾱ_0, and the spacing is leading. Each step of PRK takes four calls of the predictor, PLMS
 * one more than there are steps. Immutable: each method returns a changed sampler.
 */
public final class Pndm extends SpacedSampler<Pndm> {
  /** Steps that PRK and its first step of the multistep method need. */
  private static final int PRK_LEVELS = 4;

  private static final int PRK_CALLS = 12;

  /** Of the latest outputs, newest first, for each number of them. */
  private static final double[][] ADAMS_BASHFORTH = {
    {1},
    {3 / 2.0, -1 / 2.0},
    {23 / 12.0, -16 / 12.0, 5 / 12.0},
    {55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0}
  };

  private final boolean skipPrkSteps;
  private final boolean setAlphaToOne;

  private Pndm(Timesteps timesteps, boolean skipPrkSteps, boolean setAlphaToOne) {
    super(timesteps);
    this.skipPrkSteps = skipPrkSteps;
    this.setAlphaToOne = setAlphaToOne;
  }

  /**
   * A number of steps.
   *
   * @param n from 1, with PRK from 4, to the schedule's number of timesteps
   */
  public static Pndm steps(int n) {
    return new Pndm(Timesteps.spaced(n), false, false);
  }

  /** Whether to start by lower orders in place of Runge-Kutta. */
  public Pndm skipPrkSteps(boolean skip) {
    return new Pndm(timesteps, skip, setAlphaToOne);
  }

  /**
   * Whether the last step goes to ᾱ = 1, the image itself, or to ᾱ_0; {@code set_alpha_to_one} in
   * diffusers.
   */
  public Pndm setAlphaToOne(boolean set) {
    return new Pndm(timesteps, skipPrkSteps, set);
  }

  @Override
  Pndm with(Timesteps other) {
    return new Pndm(other, skipPrkSteps, setAlphaToOne);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    int[] levels = timesteps.of(schedule);
    int stride = schedule.steps() / timesteps.total(schedule);
    if (!skipPrkSteps && levels.length < PRK_LEVELS) {
      throw new InvalidArgumentException(
          "number of steps is "
              + levels.length
              + ", expected at least "
              + PRK_LEVELS
              + " or skipPrkSteps(true)");
    }
    return new Run(schedule, prediction, levels, stride);
  }

  private final class Run extends Solver {
    private final NoiseSchedule schedule;
    private final PredictionType prediction;
    private final int stride;
    private final int[] t;
    private final History outputs = new History(4);
    private final History stages = new History(4);
    private final History started = new History(1);

    Run(NoiseSchedule schedule, PredictionType prediction, int[] levels, int stride) {
      this.schedule = schedule;
      this.prediction = prediction;
      this.stride = stride;
      List<Integer> calls = new ArrayList<>();
      if (skipPrkSteps) {
        // The second level twice: the first step is gone over with the mean of two outputs.
        Arrays.stream(levels).forEach(calls::add);
        if (levels.length > 1) {
          calls.add(1, levels[1]);
        }
      } else {
        for (int level = 0; level < PRK_LEVELS - 1; level++) {
          int half = levels[level + 1] + stride / 2;
          calls.addAll(List.of(levels[level], half, half, levels[level + 1]));
        }
        Arrays.stream(levels).skip(PRK_LEVELS - 1).forEach(calls::add);
      }
      t = calls.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    double[] timesteps() {
      return Arrays.stream(t).asDoubleStream().toArray();
    }

    @Override
    void step(Step step) {
      if (step.x0() != null) {
        Combination x0 = prediction.x0(schedule.alphaBar(t[step.call()]));
        Clipping.NONE.predict(step.x(), step.output(), x0, step.x0());
      }
      if (!skipPrkSteps && step.call() < PRK_CALLS) {
        rungeKutta(step);
      } else if (skipPrkSteps && step.call() == 1) {
        // Once more from the first level, whose output and start are still there.
        Term[] mean = {new Term(1 / 2.0, step.output()), new Term(1 / 2.0, outputs.get(0))};
        transfer(step, t[1] + stride, t[1], mean);
      } else {
        outputs.push(step).copyFrom(step.output());
        started.push(step).copyFrom(step.x());
        double[] weights = ADAMS_BASHFORTH[outputs.size() - 1];
        Term[] mean = new Term[weights.length];
        Arrays.setAll(mean, k -> new Term(weights[k], outputs.get(k)));
        int from = t[step.call()];
        transfer(step, from, from - stride, mean);
      }
    }

    private void rungeKutta(Step step) {
      int stage = step.call() % 4;
      stages.push(step).copyFrom(step.output());
      if (stage == 0) {
        outputs.push(step).copyFrom(step.output());
        started.push(step).copyFrom(step.x());
      }
      int from = t[step.call() - stage];
      int to = t[step.call()] - (stage % 2 == 0 ? stride / 2 : 0);
      if (stage == 3) {
        Term[] mean = {
          new Term(1 / 6.0, stages.get(0)),
          new Term(1 / 3.0, stages.get(1)),
          new Term(1 / 3.0, stages.get(2)),
          new Term(1 / 6.0, stages.get(3))
        };
        transfer(step, from, to, mean);
      } else {
        transfer(step, from, to, new Term(1, step.output()));
      }
    }

    /** DDIM's way from the started x at one timestep to another (the paper's eq. 11). */
    private void transfer(Step step, int from, int to, Term... mean) {
      double alphaBar = schedule.alphaBar(from);
      double next = schedule.alphaBar(to < 0 && setAlphaToOne ? -1 : Math.max(to, 0));
      Combination epsilon = prediction.epsilon(alphaBar);
      double fromX = Math.sqrt(next / alphaBar);
      double fromEpsilon =
          -(next - alphaBar)
              / (alphaBar * Math.sqrt(1 - next) + Math.sqrt(alphaBar * (1 - alphaBar) * next));
      Term[] terms = new Term[mean.length + 1];
      terms[0] = new Term(fromX + fromEpsilon * epsilon.fromXt(), started.get(0));
      for (int k = 0; k < mean.length; k++) {
        terms[1 + k] = new Term(fromEpsilon * epsilon.fromOutput() * mean[k].weight(), mean[k].x());
      }
      DiffusionOps.linearCombination(step.x(), terms);
    }
  }
}
