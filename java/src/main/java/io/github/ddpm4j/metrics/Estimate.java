package io.github.ddpm4j.metrics;

import java.util.Arrays;

/**
 * A figure that was taken of several parts of the data.
 *
 * @param mean over the parts
 * @param deviation standard deviation over the parts, with the divisor n
 */
public record Estimate(double mean, double deviation) {
  static Estimate of(double[] values) {
    double mean = Arrays.stream(values).average().getAsDouble();
    double square = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().getAsDouble();
    return new Estimate(mean, Math.sqrt(square));
  }
}
