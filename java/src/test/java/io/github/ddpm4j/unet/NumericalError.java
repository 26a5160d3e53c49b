package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Whether float32 results are as good as they can be asked to be: their distance from a
 * double-precision run is at most a small multiple of the distance of libtorch's float32 run. Both
 * make about the same number of roundings, in other orders, so distances differ by chance alone.
 */
final class NumericalError {
  /**
   * Room for chance, and for kernels that trade accuracy within the rounding errors of a plain sum.
   */
  static final double MULTIPLE = 4;

  private NumericalError() {}

  /** Largest distance from the reference, relative to its largest element. */
  static double relative(double[] values, double[] reference) {
    return distance(values, reference) / largest(reference);
  }

  static double distance(double[] values, double[] reference) {
    assertThat(values).hasSameSizeAs(reference);
    double distance = 0;
    for (int i = 0; i < values.length; i++) {
      distance = Math.max(distance, Math.abs(values[i] - reference[i]));
      if (Double.isNaN(values[i])) {
        return Double.POSITIVE_INFINITY;
      }
    }
    return distance;
  }

  static double largest(double[] values) {
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  static float[] narrowed(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  static double[] widened(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
