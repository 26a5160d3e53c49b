package io.github.ddpm4j.metrics.inception;

import io.github.ddpm4j.image.Images;

/**
 * How pictures come to the network's 299×299 pixels, on which a FID depends: figures are to be
 * compared with those of the same one only.
 */
public enum Resize {
  /** As pytorch-fid: bilinear with half-pixel centres, not antialiased; bytes b to b/127.5 - 1. */
  PYTORCH(1 / 127.5f, -1),

  /**
   * As TensorFlow 1 in the first FID code, and torch-fidelity: bilinear with pixel (0, 0) on pixel
   * (0, 0), not antialiased; bytes b to (b - 128)/128.
   */
  TENSORFLOW(1 / 128f, -1),

  /**
   * As clean-fid (Parmar et al., arXiv 2104.11222): PIL's bicubic, antialiased, of each channel in
   * float32, clipped to 0 to 255 and not rounded; bytes b to (b - 128)/128.
   */
  CLEAN(1 / 128f, -1);

  private static final int BYTE_RANGE = 255;

  private final float factor;
  private final float offset;

  Resize(float factor, float offset) {
    this.factor = factor;
    this.offset = offset;
  }

  /**
   * Resizes pictures.
   *
   * @param images of 1 or 3 channels; values are rounded to bytes first
   * @return [N,size,size,3] as the network takes them
   */
  float[] apply(Images images, int size) {
    byte[] bytes = images.bytes();
    int h = images.height(), w = images.width(), c = images.channels();
    Taps columns = taps(w, size);
    Taps rows = taps(h, size);
    float[] out = new float[images.count() * size * size * 3];
    float[] wide = new float[h * size * c];
    for (int i = 0; i < images.count(); i++) {
      int from = i * h * w * c;
      for (int y = 0; y < h; y++) {
        for (int x = 0; x < size; x++) {
          for (int k = 0; k < c; k++) {
            double sum = 0;
            for (int t = 0; t < columns.weights[x].length; t++) {
              int at = from + (y * w + columns.first[x] + t) * c + k;
              sum += columns.weights[x][t] * (bytes[at] & 0xff);
            }
            wide[(y * size + x) * c + k] = (float) sum;
          }
        }
      }
      for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
          for (int k = 0; k < 3; k++) {
            double sum = 0;
            for (int t = 0; t < rows.weights[y].length; t++) {
              int at = ((rows.first[y] + t) * size + x) * c + Math.min(k, c - 1);
              sum += rows.weights[y][t] * wide[at];
            }
            float value = (float) Math.max(0, Math.min(BYTE_RANGE, sum));
            out[((i * size + y) * size + x) * 3 + k] = value * factor + offset;
          }
        }
      }
    }
    return out;
  }

  /** The pixels of a row that each pixel of a resized row is made of, with their weights. */
  private record Taps(int[] first, double[][] weights) {}

  private Taps taps(int from, int to) {
    int[] first = new int[to];
    double[][] weights = new double[to][];
    double scale = (double) from / to;
    for (int i = 0; i < to; i++) {
      if (this == CLEAN) {
        bicubic(from, scale, i, first, weights);
      } else {
        double at = this == TENSORFLOW ? i * scale : Math.max(0, (i + 0.5) * scale - 0.5);
        first[i] = (int) at;
        double part = at - first[i];
        weights[i] = first[i] + 1 < from ? new double[] {1 - part, part} : new double[] {1};
      }
    }
    return new Taps(first, weights);
  }

  /** The cubic convolution kernel with a = -1/2, as wide as a source or target pixel. */
  private static void bicubic(int from, double scale, int i, int[] first, double[][] weights) {
    double width = Math.max(scale, 1);
    double centre = (i + 0.5) * scale;
    int start = Math.max(0, (int) (centre - 2 * width + 0.5));
    int end = Math.min(from, (int) (centre + 2 * width + 0.5));
    double[] taps = new double[end - start];
    double sum = 0;
    for (int t = 0; t < taps.length; t++) {
      taps[t] = cubic(Math.abs(start + t + 0.5 - centre) / width);
      sum += taps[t];
    }
    for (int t = 0; t < taps.length; t++) {
      taps[t] /= sum;
    }
    first[i] = start;
    weights[i] = taps;
  }

  private static double cubic(double x) {
    if (x < 1) {
      return (1.5 * x - 2.5) * x * x + 1;
    }
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  }
}
