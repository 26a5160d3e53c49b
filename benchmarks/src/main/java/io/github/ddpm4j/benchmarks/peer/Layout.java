package io.github.ddpm4j.benchmarks.peer;

/** Orders of pictures. */
public final class Layout {
  private Layout() {}

  /** Pictures [N,H,W,C] as [N,C,H,W]. */
  public static float[] toNchw(float[] nhwc, int n, int h, int w, int c) {
    return transposed(nhwc, n, h * w, c);
  }

  /** Pictures [N,C,H,W] as [N,H,W,C]. */
  public static float[] toNhwc(float[] nchw, int n, int h, int w, int c) {
    return transposed(nchw, n, c, h * w);
  }

  private static float[] transposed(float[] matrices, int count, int rows, int columns) {
    float[] result = new float[matrices.length];
    for (int i = 0; i < count; i++) {
      int start = i * rows * columns;
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          result[start + column * rows + row] = matrices[start + row * columns + column];
        }
      }
    }
    return result;
  }
}
