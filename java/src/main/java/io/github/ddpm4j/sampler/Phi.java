package io.github.ddpm4j.sampler;

/**
 * The functions of exponential integrators: φ_0(z) = e^z, φ_{k+1}(z) = (φ_k(z) - 1/k!) / z, that is
 * φ_k(z) = Σ_j z^j / (j+k)! (Hochbruck and Ostermann, Acta Numerica 19, 2010, section 2.1).
 */
final class Phi {
  private static final int TERMS = 20;

  private Phi() {}

  /** φ_k(z), to double rounding. */
  static double phi(int k, double z) {
    if (Math.abs(z) < 1) {
      // The recursion would cancel.
      double factorial = 1;
      for (int i = 2; i <= k; i++) {
        factorial *= i;
      }
      double term = 1 / factorial;
      double sum = 0;
      for (int j = 0; j < TERMS; j++) {
        sum += term;
        term *= z / (j + k + 1);
      }
      return sum;
    }
    double value = Math.exp(z);
    double factorial = 1;
    for (int i = 0; i < k; i++) {
      value = (value - 1 / factorial) / z;
      factorial *= i + 1;
    }
    return value;
  }
}
