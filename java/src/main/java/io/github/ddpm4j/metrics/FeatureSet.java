package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Feature vectors of one dimension, kept as they are: for metrics that need more than {@linkplain
 * FeatureStatistics moments}. What is made of a set depends on which vectors it has, not on the
 * order in which they were added or merged: {@link KernelDistance}, {@link InceptionScore} and
 * {@link PrecisionRecall} give the same bits for any.
 */
public final class FeatureSet {
  private final int dimension;
  private final List<float[]> vectors = new ArrayList<>();

  /**
   * @param dimension of the vectors, at least 1
   */
  public FeatureSet(int dimension) {
    if (dimension < 1) {
      throw new InvalidArgumentException("dimension is " + dimension + ", expected at least 1");
    }
    this.dimension = dimension;
  }

  /** A set of vectors of one dimension, at least one, of which no copies are made. */
  public static FeatureSet of(float[][] vectors) {
    if (vectors.length == 0) {
      throw new InvalidArgumentException("0 vectors given, expected at least 1");
    }
    FeatureSet set = new FeatureSet(vectors[0].length);
    for (float[] vector : vectors) {
      set.add(vector);
    }
    return set;
  }

  /**
   * Adds a vector, of which no copy is made.
   *
   * @throws InvalidArgumentException if it is of another dimension, or not finite
   */
  public void add(float[] vector) {
    requireVector(vector, dimension);
    vectors.add(vector);
  }

  /** Adds the vectors of another set. */
  public void merge(FeatureSet other) {
    requireDimension(other.dimension, dimension);
    vectors.addAll(other.vectors);
  }

  public int count() {
    return vectors.size();
  }

  public int dimension() {
    return dimension;
  }

  /** All vectors in the order of their first differing values. */
  float[][] sorted() {
    float[][] sorted = vectors.toArray(new float[0][]);
    Arrays.parallelSort(sorted, Arrays::compare);
    return sorted;
  }

  static void requireDimension(int dimension, int expected) {
    if (dimension != expected) {
      throw new InvalidArgumentException(
          "vectors have dimension " + dimension + ", expected " + expected);
    }
  }

  static void requireVector(float[] vector, int dimension) {
    requireDimension(vector.length, dimension);
    for (float value : vector) {
      if (!Float.isFinite(value)) {
        throw new InvalidArgumentException(
            "a vector holds " + value + ", expected finite numbers: are the images finite?");
      }
    }
  }
}
