package io.github.ddpm4j.metrics;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Feature vectors for tests. */
final class TestFeatures {
  private TestFeatures() {}

  /** Vectors that NumPy can make too, from whole numbers; the reference figures are of these. */
  static float[][] whole(int n, int d, int seed) {
    float[][] vectors = new float[n][d];
    for (long i = 0; i < n; i++) {
      for (long j = 0; j < d; j++) {
        long number = (i * i * 31 + i * j * 17 + j * j * 7 + seed * (i + 3 * j + 1) * 13) % 101;
        vectors[(int) i][(int) j] = (float) (number / 16.0 + j % 3 * seed * 0.25);
      }
    }
    return vectors;
  }

  static float[][] normal(int n, int d, double mean, double scale, long seed) {
    Random random = new Random(seed);
    float[][] vectors = new float[n][d];
    for (float[] vector : vectors) {
      for (int i = 0; i < d; i++) {
        vector[i] = (float) (mean + scale * random.nextGaussian());
      }
    }
    return vectors;
  }

  static float[][] shuffled(float[][] vectors, long seed) {
    List<float[]> list = Arrays.asList(vectors.clone());
    Collections.shuffle(list, new Random(seed));
    return list.toArray(new float[0][]);
  }

  /** The vectors as merged sets of uneven parts, in another order. */
  static FeatureSet merged(float[][] vectors, long seed) {
    float[][] shuffled = shuffled(vectors, seed);
    int third = vectors.length / 3;
    FeatureSet a = FeatureSet.of(Arrays.copyOfRange(shuffled, 0, third));
    FeatureSet b = FeatureSet.of(Arrays.copyOfRange(shuffled, third, vectors.length - 2));
    FeatureSet c = FeatureSet.of(Arrays.copyOfRange(shuffled, vectors.length - 2, vectors.length));
    b.merge(c);
    b.merge(new FeatureSet(b.dimension()));
    b.merge(a);
    return b;
  }
}
