package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType.Combination;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;

/**
 * What keeps x̂_0 in the range of images: a fixed bound, a dynamic one, or nothing.
 *
 * @param range largest |x̂_0|; positive infinity for none
 * @param ratio which quantile of |x̂_0| bounds an image (Saharia et al., arXiv 2205.11487, section
 *     2.3), or NaN
 * @param maxValue the dynamic bound's largest value
 */
record Clipping(double range, double ratio, double maxValue) {
  static final Clipping NONE = new Clipping(Double.POSITIVE_INFINITY, Double.NaN, 1);
  static final Clipping UNIT = range(1);

  static Clipping range(double range) {
    if (!(range > 0)) {
      throw new InvalidArgumentException("clip range is " + range + ", expected above 0");
    }
    return new Clipping(range, Double.NaN, 1);
  }

  static Clipping dynamic(double ratio, double maxValue) {
    if (!(ratio >= 0 && ratio <= 1)) {
      throw new InvalidArgumentException(
          "dynamic thresholding ratio is " + ratio + ", expected 0 to 1");
    }
    if (!(maxValue > 0)) {
      throw new InvalidArgumentException("sample max value is " + maxValue + ", expected above 0");
    }
    return new Clipping(Double.POSITIVE_INFINITY, ratio, maxValue);
  }

  private boolean dynamic() {
    return !Double.isNaN(ratio);
  }

  /** Writes x̂_0 = clip(fromXt xt + fromOutput output) to x0. */
  void predict(Tensor xt, Tensor output, Combination combination, Tensor x0) {
    ReverseStep plain =
        new ReverseStep(combination.fromXt(), combination.fromOutput(), range, 1, 0, 0, 0);
    DiffusionOps.reverseStep(xt, output, null, x0, null, plain);
    if (dynamic()) {
      threshold(x0);
    }
  }

  /**
   * Takes a step in place, with x̂_0 clipped like this in place of the step's own bound.
   *
   * @param z noise, or null
   */
  void reverseStep(Solver.Step step, Tensor z, ReverseStep c) {
    Tensor x = step.x();
    if (!dynamic()) {
      ReverseStep clipped =
          new ReverseStep(
              c.x0FromXt(),
              c.x0FromOutput(),
              range,
              c.fromX0(),
              c.fromXt(),
              c.fromOutput(),
              c.fromNoise());
      DiffusionOps.reverseStep(x, step.output(), z, x, step.x0(), clipped);
      return;
    }
    Tensor x0 = step.x0OrMemory();
    predict(x, step.output(), new Combination(c.x0FromXt(), c.x0FromOutput()), x0);
    DiffusionOps.linearCombination(
        x,
        new Term(c.fromX0(), x0),
        new Term(c.fromXt(), x),
        new Term(c.fromOutput(), step.output()),
        new Term(z == null ? 0 : c.fromNoise(), z == null ? x : z));
  }

  /** x̂_0 / s, cut at ±1, where s is the quantile of the image's |x̂_0|, from 1 to maxValue. */
  private void threshold(Tensor x0) {
    float[] values = x0.toArray();
    int size = values.length / x0.dim(0);
    float[] sorted = new float[size];
    for (int first = 0; first < values.length; first += size) {
      for (int i = 0; i < size; i++) {
        sorted[i] = Math.abs(values[first + i]);
      }
      Arrays.sort(sorted);
      float bound = (float) Math.min(Math.max(quantile(sorted), 1), maxValue);
      for (int i = first; i < first + size; i++) {
        values[i] = Math.max(-bound, Math.min(bound, values[i])) / bound;
      }
    }
    x0.copyFrom(values);
  }

  /** Linear between the two sorted values about the quantile, as {@code torch.quantile} has it. */
  private double quantile(float[] sorted) {
    double position = ratio * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }
}
