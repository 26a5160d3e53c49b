package io.github.ddpm4j.sampler;

import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * UniPC (Zhao et al., arXiv 2302.04867, algorithms 5 to 8): a multistep predictor, and a corrector
 * that uses the next call of the predictor to go over the step before it.
 *
 * <p>Steps as diffusers' {@code UniPCMultistepScheduler} does with {@code predict_x0}. Unless set,
 * it has order 2 and B_2(h) = e^h - 1, with spacing linspace, x̂_0 unclipped, the last step to the
 * image itself, and lower order towards the end. Immutable: each method returns a changed sampler.
 */
public final class UniPc extends SigmaSampler<UniPc> {
  /** The function B(h) of the paper; {@code solver_type} in diffusers. */
  public enum SolverType {
    /** B_1(h) = h. */
    BH1("bh1"),
    /** B_2(h) = e^h - 1. */
    BH2("bh2");

    private final String configName;

    SolverType(String configName) {
      this.configName = configName;
    }

    /** The name in a diffusers configuration: {@code bh1} or {@code bh2}. */
    public String configName() {
      return configName;
    }
  }

  private record Options(int order, SolverType type, boolean lowerOrderFinal) {}

  private final Clipping clipping;
  private final Options options;

  private UniPc(
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
  public static UniPc steps(int n) {
    return of(Timesteps.spaced(n).spacing(TimestepSpacing.LINSPACE));
  }

  /**
   * Steps from given timesteps.
   *
   * @param timesteps descending, within the schedule
   */
  public static UniPc timesteps(int... timesteps) {
    return of(Timesteps.custom(timesteps));
  }

  private static UniPc of(Timesteps timesteps) {
    return new UniPc(
        timesteps,
        new NoiseLevels.Choice(false, FinalSigma.ZERO),
        Clipping.NONE,
        new Options(2, SolverType.BH2, true));
  }

  /**
   * {@code solver_order} in diffusers: the corrector's order of convergence is one higher.
   *
   * @param order 1 to 3
   */
  public UniPc order(int order) {
    return with(
        new Options(DpmSolverPlusPlus.requireOrder(order), options.type, options.lowerOrderFinal));
  }

  /** {@code solver_type} in diffusers. */
  public UniPc solverType(SolverType type) {
    return with(new Options(options.order, type, options.lowerOrderFinal));
  }

  /** Whether the order falls to 1 towards the last step. */
  public UniPc lowerOrderFinal(boolean lower) {
    return with(new Options(options.order, options.type, lower));
  }

  private UniPc with(Options other) {
    return new UniPc(timesteps, levels, clipping, other);
  }

  /** {@code final_sigmas_type} in diffusers. */
  public UniPc finalSigma(FinalSigma end) {
    return with(levels.end(end));
  }

  @Override
  UniPc with(Timesteps other) {
    return new UniPc(other, levels, clipping, options);
  }

  @Override
  UniPc with(NoiseLevels.Choice other) {
    return new UniPc(timesteps, other, clipping, options);
  }

  /** Dynamic thresholding; see {@link Ddpm#thresholding}. */
  public UniPc thresholding(double ratio, double maxValue) {
    return new UniPc(timesteps, levels, Clipping.dynamic(ratio, maxValue), options);
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    return new Run(levels.multistep(timesteps, schedule), prediction);
  }

  private final class Run extends Solver {
    private final NoiseLevels levels;
    private final PredictionType prediction;

    /** x̂_0 of the levels, one more than the order: the corrector uses the newest beside them. */
    private final History predicted = new History(options.order + 1);

    /** x before the last step. */
    private final History started = new History(1);

    private int lastOrder;

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
      Tensor m = predicted.push(step);
      clipping.predict(step.x(), step.output(), prediction.x0(levels.alphaBar(i)), m);
      step.report(m);
      if (i > 0) {
        correct(step.x(), i);
      }
      started.push(step).copyFrom(step.x());
      lastOrder = Math.min(orderAt(i), i + 1);
      predict(step.x(), i);
    }

    private int orderAt(int i) {
      if (levels.endsThere(i)) {
        return 1;
      }
      int left = levels.count() - i;
      return options.lowerOrderFinal ? Math.min(options.order, left) : options.order;
    }

    /** From level i to the next. */
    private void predict(Tensor x, int i) {
      Update update = new Update(i, lastOrder, 0);
      // diffusers: at order 2 the weight is 1/2 in place of the solution of one equation.
      update.add(lastOrder == 2 ? new double[] {0.5} : update.weights(lastOrder - 1));
      update.apply(x);
    }

    /** Once more from level i-1 to i, now that x̂_0 there is known. */
    private void correct(Tensor x, int i) {
      Update update = new Update(i - 1, lastOrder, 1);
      double[] weights = lastOrder == 1 ? new double[] {0.5} : update.weights(lastOrder);
      update.add(weights);
      update.addAhead(weights[lastOrder - 1]);
      update.apply(x);
    }

    /** The step from a level, as a linear combination of x there and of x̂_0 there and before. */
    private final class Update {
      private final double b;
      private final double h;
      private final double signal;
      private final int order;
      private final int age;

      /** Where the levels before lie, in steps from this one. */
      private final double[] r;

      private final List<Term> terms = new ArrayList<>();
      private double fromLatest;

      /**
       * @param from level
       * @param age how many x̂_0 are newer than the level's
       */
      Update(int from, int order, int age) {
        double ratio = levels.sigmas()[from + 1] / levels.sigmas()[from];
        this.order = order;
        this.age = age;
        h = -Math.log(ratio);
        signal = levels.signal(from + 1);
        double e = Math.expm1(-h);
        b = options.type == SolverType.BH1 ? -h : e;
        r = new double[order];
        for (int k = 1; k < order; k++) {
          r[k - 1] = (levels.lambda(from - k) - levels.lambda(from)) / h;
        }
        r[order - 1] = 1;
        terms.add(new Term(levels.noise(from + 1) / levels.noise(from), started.get(0)));
        fromLatest = -signal * e;
      }

      /** Weights of the differences: Σ_k ρ_k r_k^(j-1) = φ_{j+1}(-h) (-h) j! / B for j = 1..n. */
      double[] weights(int n) {
        double[][] rows = new double[n][n + 1];
        double factorial = 1;
        for (int j = 0; j < n; j++) {
          factorial *= j + 1;
          for (int k = 0; k < n; k++) {
            rows[j][k] = Math.pow(r[k], j);
          }
          rows[j][n] = Phi.phi(j + 2, -h) * -h * factorial / b;
        }
        return LinearSystem.solve(rows);
      }

      /** The differences to the levels before. */
      void add(double[] weights) {
        for (int k = 1; k < order; k++) {
          add(weights[k - 1] / r[k - 1], predicted.get(age + k));
        }
      }

      /** The difference to the level ahead. */
      void addAhead(double weight) {
        add(weight, predicted.get(0));
      }

      private void add(double weight, Tensor x0) {
        terms.add(new Term(-signal * b * weight, x0));
        fromLatest += signal * b * weight;
      }

      void apply(Tensor x) {
        terms.add(new Term(fromLatest, predicted.get(age)));
        DiffusionOps.linearCombination(x, terms.toArray(Term[]::new));
      }
    }
  }
}
