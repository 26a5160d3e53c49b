package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * The levels of noise that a solver visits, as σ = √((1-ᾱ)/ᾱ): the deviation of the noise in x_t
 * /√ᾱ_t (Karras et al., arXiv 2206.00364, eq. 1).
 *
 * @param timesteps what the predictor is told of each level
 * @param sigmas σ of each timestep, and then of the end
 * @param total number of levels, those skipped among them
 */
record NoiseLevels(double[] timesteps, double[] sigmas, int total) {
  /** Karras et al., table 1. */
  private static final double RHO = 7;

  /** In place of ᾱ = 0, for which σ would be infinite; as in diffusers. */
  private static final double SMALLEST_ALPHA_BAR = 0x1p-24;

  /**
   * The choice of levels of a sampler, applied to a schedule once that is known.
   *
   * @param karras whether σ^(1/7) goes down in equal steps, not the timesteps
   */
  record Choice(boolean karras, FinalSigma end) {
    Choice karras(boolean use) {
      return new Choice(use, end);
    }

    Choice end(FinalSigma other) {
      return new Choice(karras, other);
    }

    /** Levels of multistep solvers, whose last is one step above the schedule's first timestep. */
    NoiseLevels multistep(Timesteps timesteps, NoiseSchedule schedule) {
      if (!karras) {
        double[] t =
            Arrays.stream(timesteps.unskipped().aboveFirst(schedule)).asDoubleStream().toArray();
        return of(timesteps, t, NoiseLevels.sigmas(schedule, t), schedule);
      }
      double largest = sigma(schedule, schedule.steps() - 1);
      double[] sigmas = karras(timesteps, largest, sigma(schedule, 0), timesteps.total(schedule));
      double[] t = Arrays.stream(sigmas).map(s -> Math.rint(timestep(schedule, s))).toArray();
      return of(timesteps, t, sigmas, schedule);
    }

    /** Levels of the solvers of Karras et al., which may lie between timesteps. */
    NoiseLevels edm(Timesteps timesteps, NoiseSchedule schedule) {
      double[] t = timesteps.unskipped().fractional(schedule);
      double[] sigmas = NoiseLevels.sigmas(schedule, t);
      if (karras) {
        sigmas = karras(timesteps, sigmas[0], sigmas[sigmas.length - 1], sigmas.length);
        t = Arrays.stream(sigmas).map(s -> timestep(schedule, s)).toArray();
      }
      return of(timesteps, t, sigmas, schedule);
    }

    private NoiseLevels of(
        Timesteps timesteps, double[] t, double[] sigmas, NoiseSchedule schedule) {
      int total = t.length;
      int skip = timesteps.skip();
      timesteps.requireSkip(total);
      double[] all = Arrays.copyOf(sigmas, total + 1);
      all[total] = end == FinalSigma.ZERO ? 0 : sigma(schedule, 0);
      return new NoiseLevels(
          Arrays.copyOfRange(t, skip, total), Arrays.copyOfRange(all, skip, total + 1), total);
    }

    /** σ^(1/ρ) in equal steps (Karras et al., eq. 5). */
    private static double[] karras(Timesteps timesteps, double largest, double smallest, int n) {
      if (timesteps.custom() != null) {
        throw new InvalidArgumentException(
            "Karras sigmas with given timesteps, expected one or the other");
      }
      double first = Math.pow(largest, 1 / RHO);
      double last = Math.pow(smallest, 1 / RHO);
      double[] sigmas = new double[n];
      Arrays.setAll(
          sigmas, i -> Math.pow(first + (n == 1 ? 0 : i / (n - 1.0)) * (last - first), RHO));
      return sigmas;
    }
  }

  /** Number of levels to step from. */
  int count() {
    return timesteps.length;
  }

  /** Whether the step from level i goes to no noise or makes no way, so that its order is 1. */
  boolean endsThere(int i) {
    return sigmas[i + 1] == 0 || sigmas[i + 1] >= sigmas[i];
  }

  /** ᾱ of level i. */
  double alphaBar(int i) {
    return 1 / (1 + sigmas[i] * sigmas[i]);
  }

  /** √ᾱ of level i, the factor of x_0. */
  double signal(int i) {
    return Math.sqrt(alphaBar(i));
  }

  /** √(1-ᾱ) of level i, the factor of the noise. */
  double noise(int i) {
    return sigmas[i] * signal(i);
  }

  /** Half the logarithm of the signal-to-noise ratio of level i; infinite without noise. */
  double lambda(int i) {
    return -Math.log(sigmas[i]);
  }

  private static double[] sigmas(NoiseSchedule schedule, double[] timesteps) {
    return Arrays.stream(timesteps).map(t -> sigma(schedule, t)).toArray();
  }

  private static double sigma(NoiseSchedule schedule, double t) {
    int below = (int) Math.floor(t);
    int above = (int) Math.ceil(t);
    return sigma(schedule, below) + (t - below) * (sigma(schedule, above) - sigma(schedule, below));
  }

  private static double sigma(NoiseSchedule schedule, int t) {
    double alphaBar = Math.max(schedule.alphaBar(t), SMALLEST_ALPHA_BAR);
    return Math.sqrt((1 - alphaBar) / alphaBar);
  }

  /** The timestep of a σ, between timesteps linear in log σ. */
  private static double timestep(NoiseSchedule schedule, double sigma) {
    int low = 0;
    while (low < schedule.steps() - 2 && sigma(schedule, low + 1) <= sigma) {
      low++;
    }
    double below = Math.log(sigma(schedule, low));
    double above = Math.log(sigma(schedule, low + 1));
    double weight = (below - Math.log(sigma)) / (below - above);
    return low + Math.max(0, Math.min(1, weight));
  }
}
