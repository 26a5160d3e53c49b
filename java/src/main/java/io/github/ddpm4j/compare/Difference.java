package io.github.ddpm4j.compare;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Shape;

/**
 * How far an array is from a recorded one.
 *
 * @param name of a layer or step
 * @param shape of both arrays
 * @param maxAbs largest distance of two elements
 * @param maxRel maxAbs over the largest recorded element
 * @param nmse sum of the squared distances over the sum of the squared recorded elements
 */
public record Difference(String name, Shape shape, double maxAbs, double maxRel, double nmse) {
  /** Compares arrays. NaN counts as infinitely far away, and so does anything from zeros. */
  static Difference of(String name, Shape shape, float[] ours, float[] recorded) {
    if (ours.length != recorded.length) {
      throw new InvalidArgumentException(
          name + " has " + ours.length + " elements, the recording " + recorded.length);
    }
    double largest = 0, distance = 0, squares = 0, squaredDistances = 0;
    for (int i = 0; i < ours.length; i++) {
      double difference = Math.abs((double) ours[i] - recorded[i]);
      difference = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
      distance = Math.max(distance, difference);
      largest = Math.max(largest, Math.abs(recorded[i]));
      squares += (double) recorded[i] * recorded[i];
      squaredDistances += difference * difference;
    }
    return new Difference(
        name, shape, distance, ratio(distance, largest), ratio(squaredDistances, squares));
  }

  private static double ratio(double distance, double size) {
    double ratio = distance == 0 ? 0 : distance / size;
    return Double.isNaN(ratio) ? Double.POSITIVE_INFINITY : ratio;
  }
}
