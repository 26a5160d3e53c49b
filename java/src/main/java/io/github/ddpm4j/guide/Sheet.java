package io.github.ddpm4j.guide;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Gathers images of one size from tensors, to be drawn together. */
final class Sheet {
  private final Images image;
  private final List<float[]> parts = new ArrayList<>();

  /**
   * @param image one image, of the size of all
   */
  Sheet(Images image) {
    if (image.count() != 1) {
      throw new InvalidArgumentException(image + " given, expected one image");
    }
    this.image = image;
  }

  /** The image n times, [n,H,W,C]. */
  Tensor tensor(Scope scope, int n) {
    Shape shape = Shape.of(1, image.height(), image.width(), image.channels());
    return repeat(scope.tensor(shape, image.pixels()), n);
  }

  /** A tensor of one image as one of n. */
  static Tensor repeat(Tensor one, int n) {
    Tensor copies = one.scope().allocate(Shape.of(n, one.dim(1), one.dim(2), one.dim(3)));
    for (int i = 0; i < n; i++) {
      copies.slice(i, 1).copyFrom(one);
    }
    return copies;
  }

  /** Adds a tensor's images. */
  void add(Tensor images) {
    parts.add(images.toArray());
  }

  /** All images added. */
  Images images() {
    int size = image.pixels().length;
    int count = parts.stream().mapToInt(part -> part.length / size).sum();
    float[] pixels = new float[count * size];
    int end = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, pixels, end, part.length);
      end += part.length;
    }
    return new Images(count, image.height(), image.width(), image.channels(), pixels);
  }

  /** All images as panels of about so many pixels' width. */
  Panels panels(int width) {
    return Panels.of(images(), Panels.scale(image, width));
  }
}
