package io.github.ddpm4j.metrics;

import io.github.ddpm4j.image.Images;

/** A classifier through whose eyes metrics compare images. */
public interface FeatureExtractor extends AutoCloseable {
  /** What reports call it. */
  String name();

  /** Number of features. */
  int dimension();

  /** Number of classes. */
  int classes();

  /**
   * Looks at images, whose values are rounded to bytes as they would be in a file. An image's
   * features do not depend on those beside it.
   *
   * @throws io.github.ddpm4j.InvalidArgumentException if they are of a size or number of channels
   *     that it does not take
   */
  Features extract(Images images);

  /**
   * What it sees.
   *
   * @param features [N][dimension], of the layer before the last
   * @param logits [N][classes]
   */
  record Features(float[][] features, float[][] logits) {}

  @Override
  void close();
}
