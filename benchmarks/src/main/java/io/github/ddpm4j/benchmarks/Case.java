package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import java.util.List;

/**
 * Work that ddpm4j and its peers do, on the same inputs and weights.
 *
 * @param device on which all work
 * @param flop floating-point operations of the plain algorithm; a multiply-add is two
 * @param bytes that are moved between memory and processor at least
 * @param tolerance largest difference between two results, as a part of the largest value: far
 *     below what a mistake makes; how exact ddpm4j is, is what tests are for
 * @param contenders ddpm4j first
 * @param memory what the contenders share, closed after them
 */
record Case(
    Device device,
    double flop,
    double bytes,
    double tolerance,
    List<Contender> contenders,
    AutoCloseable memory)
    implements AutoCloseable {
  /**
   * Compares all results with ddpm4j's.
   *
   * @return the largest difference, as a part of the largest value
   * @throws IllegalStateException if that is above the tolerance
   */
  double check() {
    float[] ours = contenders.get(0).result();
    double worst = 0;
    for (Contender peer : contenders.subList(1, contenders.size())) {
      double difference = difference(ours, peer.result());
      if (!(difference <= tolerance)) {
        throw new IllegalStateException(
            peer.name()
                + "'s result differs by "
                + difference
                + ", expected at most "
                + tolerance
                + " of the largest value");
      }
      worst = Math.max(worst, difference);
    }
    return worst;
  }

  private static double difference(float[] a, float[] b) {
    if (a.length != b.length) {
      throw new IllegalStateException("results have " + a.length + " and " + b.length + " numbers");
    }
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(b[i]));
      // NaN stays: it is not the same as anything.
      difference = Math.max(difference, Math.abs((double) a[i] - b[i]));
    }
    return difference / largest;
  }

  @Override
  public void close() {
    contenders.forEach(Contender::close);
    try {
      memory.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
