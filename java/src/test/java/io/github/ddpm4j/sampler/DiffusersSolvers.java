package io.github.ddpm4j.sampler;

/**
 * One number's way through the multistep schedulers of diffusers, written out as their formulas
 * stand, in double precision. For tests.
 */
final class DiffusersSolvers {
  /** The prediction of ε. */
  @FunctionalInterface
  interface Model {
    double epsilon(double x, double t);
  }

  private final double[] t;
  private final double[] sigmas;
  private final Model model;

  /**
   * @param t timesteps
   * @param sigmas of each timestep, and of the end
   */
  DiffusersSolvers(double[] t, double[] sigmas, Model model) {
    this.t = t;
    this.sigmas = sigmas;
    this.model = model;
  }

  private double alpha(int i) {
    return 1 / Math.sqrt(sigmas[i] * sigmas[i] + 1);
  }

  private double sigma(int i) {
    return sigmas[i] * alpha(i);
  }

  private double lambda(int i) {
    return Math.log(alpha(i)) - Math.log(sigma(i));
  }

  private double x0(double x, int i) {
    return (x - sigma(i) * model.epsilon(x, t[i])) / alpha(i);
  }

  private int order(int i, int order) {
    return Math.min(order, sigmas[i + 1] == 0 ? 1 : i + 1);
  }

  /** {@code DPMSolverMultistepScheduler} with {@code dpmsolver++} or {@code sde-dpmsolver++}. */
  double dpm(int solverOrder, boolean heun, boolean sde, double x, double[] noise) {
    double[] m = new double[t.length];
    for (int i = 0; i < t.length; i++) {
      m[i] = x0(x, i);
      int order = order(i, solverOrder);
      double h = lambda(i + 1) - lambda(i);
      double at = alpha(i + 1);
      double st = sigma(i + 1);
      double ratio = st / sigma(i);
      double d0 = m[i];
      double d1 = 0;
      double d2 = 0;
      if (order > 1) {
        double r0 = (lambda(i) - lambda(i - 1)) / h;
        d1 = (m[i] - m[i - 1]) / r0;
        if (order > 2) {
          double r1 = (lambda(i - 1) - lambda(i - 2)) / h;
          double d10 = d1;
          double d11 = (m[i - 1] - m[i - 2]) / r1;
          d1 = d10 + r0 / (r0 + r1) * (d10 - d11);
          d2 = (d10 - d11) / (r0 + r1);
        }
      }
      double e = Math.exp(-h);
      double ee = Math.exp(-2 * h);
      if (sde) {
        x = ratio * e * x + at * (1 - ee) * d0 + st * Math.sqrt(1 - ee) * noise[i];
      } else {
        x = ratio * x - at * (e - 1) * d0;
      }
      if (order == 2 && !heun) {
        x += sde ? 0.5 * at * (1 - ee) * d1 : -0.5 * at * (e - 1) * d1;
      } else if (order > 1) {
        x += sde ? at * ((1 - ee) / (-2 * h) + 1) * d1 : at * ((e - 1) / h + 1) * d1;
      }
      if (order == 3) {
        x +=
            sde
                ? at * ((1 - ee - 2 * h) / Math.pow(2 * h, 2) - 0.5) * d2
                : -at * ((e - 1 + h) / (h * h) - 0.5) * d2;
      }
    }
    return x;
  }

  /** {@code DEISMultistepScheduler}. */
  double deis(int solverOrder, double x) {
    double[] m = new double[t.length];
    for (int i = 0; i < t.length; i++) {
      m[i] = model.epsilon(x, t[i]);
      double from = sigmas[i];
      double to = sigmas[i + 1];
      switch (order(i, solverOrder)) {
        case 1 ->
            x =
                alpha(i + 1) / alpha(i) * x
                    - sigma(i + 1) * (Math.exp(lambda(i + 1) - lambda(i)) - 1) * m[i];
        case 2 -> {
          double s1 = sigmas[i - 1];
          double c1 = linear(to, from, s1) - linear(from, from, s1);
          double c2 = linear(to, s1, from) - linear(from, s1, from);
          x = alpha(i + 1) * (x / alpha(i) + c1 * m[i] + c2 * m[i - 1]);
        }
        default -> {
          double s1 = sigmas[i - 1];
          double s2 = sigmas[i - 2];
          double c1 = quadratic(to, from, s1, s2) - quadratic(from, from, s1, s2);
          double c2 = quadratic(to, s1, s2, from) - quadratic(from, s1, s2, from);
          double c3 = quadratic(to, s2, from, s1) - quadratic(from, s2, from, s1);
          x = alpha(i + 1) * (x / alpha(i) + c1 * m[i] + c2 * m[i - 1] + c3 * m[i - 2]);
        }
      }
    }
    return x;
  }

  /** ∫ (log t - log c) / (log b - log c) dt. */
  private static double linear(double t, double b, double c) {
    return t * (-Math.log(c) + Math.log(t) - 1) / (Math.log(b) - Math.log(c));
  }

  /** ∫ (log t - log c) (log t - log d) / ((log b - log c) (log b - log d)) dt. */
  private static double quadratic(double t, double b, double c, double d) {
    double lt = Math.log(t);
    double lb = Math.log(b);
    double lc = Math.log(c);
    double ld = Math.log(d);
    return t * (lc * (ld - lt + 1) - ld * lt + ld + lt * lt - 2 * lt + 2) / ((lb - lc) * (lb - ld));
  }

  /** {@code UniPCMultistepScheduler} with {@code predict_x0}, of order 1 or 2. */
  double uniPc(int solverOrder, boolean bh1, double x) {
    double[] m = new double[t.length];
    double last = x;
    int lastOrder = 0;
    for (int i = 0; i < t.length; i++) {
      m[i] = x0(x, i);
      if (i > 0) {
        x = uniPcStep(i - 1, lastOrder, bh1, last, m, true);
      }
      last = x;
      lastOrder = order(i, solverOrder);
      x = uniPcStep(i, lastOrder, bh1, last, m, false);
    }
    return x;
  }

  private double uniPcStep(int i, int order, boolean bh1, double x, double[] m, boolean corrects) {
    double h = lambda(i + 1) - lambda(i);
    double hh = -h;
    double phi1 = Math.expm1(hh);
    double b = bh1 ? hh : phi1;
    double result = sigma(i + 1) / sigma(i) * x - alpha(i + 1) * phi1 * m[i];
    double d1 = 0;
    double r = 0;
    if (order == 2) {
      r = (lambda(i - 1) - lambda(i)) / h;
      d1 = (m[i - 1] - m[i]) / r;
    }
    double rho = 0.5;
    double rhoAhead = 0.5;
    if (corrects && order == 2) {
      // rho + rhoAhead = b1 and r rho + rhoAhead = b2.
      double phi2 = phi1 / hh - 1;
      double b1 = phi2 / b;
      double b2 = (phi2 / hh - 0.5) * 2 / b;
      rho = (b1 - b2) / (1 - r);
      rhoAhead = b1 - rho;
    }
    double residual = rho * d1 + (corrects ? rhoAhead * (m[i + 1] - m[i]) : 0);
    // b is infinite where the step goes to σ = 0.
    return residual == 0 ? result : result - alpha(i + 1) * b * residual;
  }
}
