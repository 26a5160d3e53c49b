package io.github.ddpm4j.metrics;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/** Dot products of vectors by the native kernels in float32, so many that they come in blocks. */
final class DotProducts {
  private static final int BLOCK = 1024;

  private DotProducts() {}

  /** Takes the products of a block, {@code [rows][columns]} in row-major order. */
  @FunctionalInterface
  interface Consumer {
    void accept(int firstRow, int firstColumn, int columns, float[] products);
  }

  /** Every vector of a with every vector of b, row after row of blocks. */
  static void forEachBlock(float[][] a, float[][] b, Consumer consumer) {
    for (int row = 0; row < a.length; row += BLOCK) {
      try (Scope rows = Scope.open(Device.cpu())) {
        Tensor x = tensor(rows, a, row);
        for (int column = 0; column < b.length; column += BLOCK) {
          try (Scope scope = Scope.open(Device.cpu())) {
            Tensor w = tensor(scope, b, column);
            Tensor products = ConvolutionOps.linear(x.in(scope), w, null, null);
            consumer.accept(row, column, w.dim(0), products.toArray());
          }
        }
      }
    }
  }

  private static Tensor tensor(Scope scope, float[][] vectors, int first) {
    int count = Math.min(BLOCK, vectors.length - first);
    int dimension = vectors[0].length;
    float[] values = new float[count * dimension];
    for (int i = 0; i < count; i++) {
      System.arraycopy(vectors[first + i], 0, values, i * dimension, dimension);
    }
    return scope.tensor(Shape.of(count, dimension), values);
  }
}
