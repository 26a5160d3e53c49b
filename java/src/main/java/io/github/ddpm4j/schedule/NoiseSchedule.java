package io.github.ddpm4j.schedule;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * How much noise each timestep of the forward process adds: β_t, and with α_t = 1 - β_t the
 * products ᾱ_t = α_0 ... α_t (Ho et al., arXiv 2006.11239, section 2). Immutable.
 *
 * <p>Timesteps run from 0 to {@code steps() - 1}, as in diffusers; the paper counts from 1. Where a
 * method says so, timestep -1 stands for the image without noise: ᾱ_{-1} = 1. Between timesteps,
 * where some samplers stop, √((1-ᾱ)/ᾱ) is linear, as in diffusers' {@code EulerDiscreteScheduler}.
 *
 * <p>All numbers are double and follow from double β. diffusers computes β and ᾱ in float32, so its
 * numbers differ from these in the seventh digit, and 1-ᾱ of the first timesteps in the fourth;
 * {@link #asFloat32} gives those.
 */
public final class NoiseSchedule {
  private static final double DEFAULT_START = 1e-4;
  private static final double DEFAULT_END = 0.02;
  private static final double COSINE_OFFSET = 0.008;
  private static final double COSINE_LARGEST_BETA = 0.999;
  private static final double SIGMOID_RANGE = 6;

  private final double[] betas;
  private final double[] alphaBars;

  private NoiseSchedule(double[] betas) {
    this(betas, new double[betas.length]);
    double product = 1;
    for (int t = 0; t < betas.length; t++) {
      product *= 1 - betas[t];
      alphaBars[t] = product;
    }
  }

  private NoiseSchedule(double[] betas, double[] alphaBars) {
    this.betas = betas;
    this.alphaBars = alphaBars;
  }

  /** β from 1e-4 to 0.02 in equal steps, as in Ho et al., section 4. */
  public static NoiseSchedule linear(int steps) {
    return linear(steps, DEFAULT_START, DEFAULT_END);
  }

  /**
   * β from start to end in equal steps; {@code linear} in diffusers.
   *
   * @param steps number of timesteps, at least 1
   * @param start β_0, in (0, 1)
   * @param end last β, in (0, 1)
   */
  public static NoiseSchedule linear(int steps, double start, double end) {
    requireEnds(start, end);
    return spaced(steps, start, end, beta -> beta);
  }

  /** √β from √1e-4 to √0.02 in equal steps. */
  public static NoiseSchedule quadratic(int steps) {
    return quadratic(steps, DEFAULT_START, DEFAULT_END);
  }

  /**
   * √β from √start to √end in equal steps; {@code scaled_linear} in diffusers. Arguments as for
   * {@link #linear}.
   */
  public static NoiseSchedule quadratic(int steps, double start, double end) {
    requireEnds(start, end);
    return spaced(steps, Math.sqrt(start), Math.sqrt(end), root -> root * root);
  }

  /** β from about 1e-4 to about 0.02 along a logistic curve. */
  public static NoiseSchedule sigmoid(int steps) {
    return sigmoid(steps, DEFAULT_START, DEFAULT_END);
  }

  /**
   * β = start + (end - start) / (1 + exp(-u)) with u from -6 to 6 in equal steps; {@code sigmoid}
   * in diffusers. Arguments as for {@link #linear}.
   */
  public static NoiseSchedule sigmoid(int steps, double start, double end) {
    requireEnds(start, end);
    return spaced(
        steps, -SIGMOID_RANGE, SIGMOID_RANGE, u -> start + (end - start) / (1 + Math.exp(-u)));
  }

  /**
   * ᾱ along cos² ((t/T + 0.008) / 1.008 · π/2), with β at most 0.999 (Nichol and Dhariwal, arXiv
   * 2102.09672, eq. 17); {@code squaredcos_cap_v2} in diffusers.
   *
   * @param steps number of timesteps, at least 1
   */
  public static NoiseSchedule cosine(int steps) {
    requireSteps(steps);
    double[] betas = new double[steps];
    for (int t = 0; t < steps; t++) {
      double ratio = cosineAlphaBar((t + 1.0) / steps) / cosineAlphaBar((double) t / steps);
      betas[t] = Math.min(1 - ratio, COSINE_LARGEST_BETA);
    }
    return new NoiseSchedule(betas);
  }

  /**
   * Given β; {@code trained_betas} in diffusers.
   *
   * @param betas β_0, β_1, ... each in (0, 1); the last may be 1
   */
  public static NoiseSchedule custom(double... betas) {
    requireSteps(betas.length);
    for (int t = 0; t < betas.length; t++) {
      boolean last = t == betas.length - 1;
      if (!(betas[t] > 0 && (betas[t] < 1 || last && betas[t] == 1))) {
        throw new InvalidArgumentException(
            "beta " + t + " is " + betas[t] + ", expected a number in (0, " + (last ? "1]" : "1)"));
      }
    }
    return new NoiseSchedule(betas.clone());
  }

  /**
   * This schedule with √ᾱ shifted and scaled so that the last is 0 and the first unchanged: at the
   * last timestep nothing is left of the image (Lin et al., arXiv 2305.08891, algorithm 1). A model
   * that predicts ε cannot be sampled from there, since x_0 does not follow from ε; {@code
   * v_prediction} and {@code sample} can.
   *
   * @throws InvalidArgumentException if there is only one timestep
   */
  public NoiseSchedule rescaledToZeroTerminalSnr() {
    int steps = steps();
    if (steps < 2) {
      throw new InvalidArgumentException(
          "the schedule has " + steps + " timestep, expected at least 2");
    }
    double first = signal(0);
    double last = signal(steps - 1);
    double[] rescaled = new double[steps];
    double previousAlphaBar = 1;
    for (int t = 0; t < steps; t++) {
      double signal = (signal(t) - last) * (first / (first - last));
      double alphaBar = signal * signal;
      rescaled[t] = 1 - alphaBar / previousAlphaBar;
      previousAlphaBar = alphaBar;
    }
    return custom(rescaled);
  }

  /**
   * This schedule in float32, for results to be compared with those of diffusers: ᾱ as PyTorch on
   * the CPU multiplies it up, and β as its schedulers get it back, 1 - ᾱ_t/ᾱ_{t-1}.
   */
  public NoiseSchedule asFloat32() {
    double[] rounded = new double[steps()];
    double[] products = new double[steps()];
    double product = 1;
    float previous = 1;
    for (int t = 0; t < steps(); t++) {
      product *= 1 - (float) betas[t];
      float alphaBar = (float) product;
      rounded[t] = 1 - alphaBar / previous;
      products[t] = alphaBar;
      previous = alphaBar;
    }
    return new NoiseSchedule(rounded, products);
  }

  /** Number of timesteps T. */
  public int steps() {
    return betas.length;
  }

  /** β_t: variance that the forward process adds in step t. */
  public double beta(int t) {
    requireTimestep(t, 0);
    return betas[t];
  }

  /** α_t = 1 - β_t. */
  public double alpha(int t) {
    return 1 - beta(t);
  }

  /**
   * ᾱ_t = α_0 ... α_t; 1 for t = -1.
   *
   * @param t whole, or between two timesteps
   */
  public double alphaBar(double t) {
    requireTimestep(t, -1);
    int floor = (int) Math.floor(t);
    if (floor == t) {
      return alphaBarAt(floor);
    }
    double weight = t - floor;
    double ratio = (1 - weight) * noiseToSignal(floor) + weight * noiseToSignal(floor + 1);
    return 1 / (1 + ratio * ratio);
  }

  /** √ᾱ_t, the factor of x_0 in x_t; 1 for t = -1. */
  public double signal(double t) {
    return Math.sqrt(alphaBar(t));
  }

  /** √(1-ᾱ_t), the factor of the noise in x_t; 0 for t = -1. */
  public double sigma(double t) {
    return Math.sqrt(1 - alphaBar(t));
  }

  /** Signal-to-noise ratio ᾱ_t / (1-ᾱ_t); infinite for t = -1. */
  public double snr(double t) {
    return alphaBar(t) / (1 - alphaBar(t));
  }

  /** All β, a copy. */
  public double[] betas() {
    return betas.clone();
  }

  /** Applies f to numbers from first to last in equal steps. */
  private static NoiseSchedule spaced(int steps, double first, double last, DoubleUnaryOperator f) {
    requireSteps(steps);
    double[] betas = new double[steps];
    Arrays.setAll(
        betas, t -> f.applyAsDouble(steps == 1 ? first : first + (last - first) * t / (steps - 1)));
    return new NoiseSchedule(betas);
  }

  private static double cosineAlphaBar(double fraction) {
    double cosine = Math.cos((fraction + COSINE_OFFSET) / (1 + COSINE_OFFSET) * Math.PI / 2);
    return cosine * cosine;
  }

  private static void requireSteps(int steps) {
    if (steps < 1) {
      throw new InvalidArgumentException(
          "number of timesteps is " + steps + ", expected at least 1");
    }
  }

  private static void requireEnds(double start, double end) {
    if (!(start > 0 && start < 1 && end > 0 && end < 1)) {
      throw new InvalidArgumentException(
          "beta runs from " + start + " to " + end + ", expected numbers in (0, 1)");
    }
  }

  private double alphaBarAt(int t) {
    return t < 0 ? 1 : alphaBars[t];
  }

  private double noiseToSignal(int t) {
    return Math.sqrt((1 - alphaBarAt(t)) / alphaBarAt(t));
  }

  private void requireTimestep(double t, int least) {
    if (!(t >= least && t <= steps() - 1)) {
      String value = t == Math.rint(t) ? Long.toString((long) t) : Double.toString(t);
      throw new InvalidArgumentException(
          "timestep is " + value + ", expected " + least + " to " + (steps() - 1));
    }
  }
}
