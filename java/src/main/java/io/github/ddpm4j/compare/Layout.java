package io.github.ddpm4j.compare;

import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/** Between PyTorch's order of pictures, [N,C,H,W], and ours, [N,H,W,C]. */
final class Layout {
  private Layout() {}

  /** [N,H,W,C] of [N,C,H,W]. */
  static Shape ours(Shape torch) {
    return Shape.of(torch.dim(0), torch.dim(2), torch.dim(3), torch.dim(1));
  }

  /** Values in our order, of pictures of a shape in PyTorch's. */
  static float[] ours(float[] values, Shape torch) {
    return swapped(values, torch.dim(0), torch.dim(1), torch.dim(2) * torch.dim(3));
  }

  /** Values in PyTorch's order: of pictures, or of vectors as they are. */
  static float[] torch(Tensor tensor) {
    float[] values = tensor.toArray();
    return tensor.shape().rank() == 4
        ? swapped(values, tensor.dim(0), tensor.dim(1) * tensor.dim(2), tensor.dim(3))
        : values;
  }

  private static float[] swapped(float[] values, int images, int rows, int columns) {
    float[] result = new float[values.length];
    int size = rows * columns;
    for (int n = 0; n < images; n++) {
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          result[n * size + column * rows + row] = values[n * size + row * columns + column];
        }
      }
    }
    return result;
  }
}
