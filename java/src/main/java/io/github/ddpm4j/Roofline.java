package io.github.ddpm4j;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;

/**
 * What a machine can do at best, in the roofline model (Williams, Waterman, Patterson, CACM 52(4),
 * 2009): no work takes less than its operations or its bytes need.
 *
 * @param flops floating-point operations per second; a multiply-add is two
 * @param bytesPerSecond bytes per second between memory and processor
 */
public record Roofline(double flops, double bytesPerSecond) {
  /**
   * @throws InvalidArgumentException if a rate is not a positive number
   */
  public Roofline {
    requirePositive("flops", flops);
    requirePositive("bytesPerSecond", bytesPerSecond);
  }

  private static void requirePositive(String name, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new InvalidArgumentException(name + " is " + value + ", expected a positive number");
    }
  }

  /**
   * Measures this machine with the threads and the instruction set that CPU kernels use; takes less
   * than a second.
   */
  public static Roofline measure() {
    double[] flops = new double[1];
    double[] bytes = new double[1];
    Status.check(NativeApi.ddpm_measure_peak(flops, bytes));
    return new Roofline(flops[0], bytes[0]);
  }

  /** The least number of seconds that work takes. */
  public double seconds(double operations, double bytes) {
    return Math.max(operations / flops, bytes / bytesPerSecond);
  }
}
