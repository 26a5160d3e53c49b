package io.github.ddpm4j.optimal;

import io.github.ddpm4j.data.ImageDataset;

/** Denoisers of patches in double precision, pixel by pixel, from their definitions. */
final class PatchReference {
  private final ImageDataset data;
  private final double alphaBar;
  private final float[] xt;

  PatchReference(ImageDataset data, double alphaBar, float[] xt) {
    this.data = data;
    this.alphaBar = alphaBar;
    this.xt = xt;
  }

  private double value(int i, int y, int x, int c) {
    int p = (y * data.width() + x) * data.channels() + c;
    return (data.pixels()[i * data.imageSize() + p] & 0xff) / 127.5 - 1;
  }

  private double noisy(int y, int x, int c) {
    return xt[(y * data.width() + x) * data.channels() + c];
  }

  private boolean inside(int y, int x) {
    return y >= 0 && y < data.height() && x >= 0 && x < data.width();
  }

  /** A sum of weighted pixels, with the largest logarithm of a weight so far. */
  private final class Posterior {
    private double largest = Double.NEGATIVE_INFINITY;
    private double total;
    private final double[] sums = new double[data.channels()];

    void add(double logWeight, int i, int y, int x) {
      double shift = Math.max(largest, logWeight);
      double old = total == 0 ? 0 : Math.exp(largest - shift);
      double weight = Math.exp(logWeight - shift);
      total = total * old + weight;
      for (int c = 0; c < sums.length; c++) {
        sums[c] = sums[c] * old + weight * value(i, y, x, c);
      }
      largest = shift;
    }

    double mean(int c) {
      return sums[c] / total;
    }
  }

  /** Kamb and Ganguli, eq. 7 to 10, at the pixel (y, x). */
  double[] local(int y, int x, int patchSize, boolean equivariant) {
    int radius = patchSize / 2;
    Posterior posterior = new Posterior();
    for (int i = 0; i < data.count(); i++) {
      for (int v = 0; v < data.height(); v++) {
        for (int u = 0; u < data.width(); u++) {
          if (v == y && u == x || equivariant && sameBorders(y, x, v, u, radius)) {
            double distance = 0;
            for (int dy = -radius; dy <= radius; dy++) {
              for (int dx = -radius; dx <= radius; dx++) {
                for (int c = 0; inside(y + dy, x + dx) && c < data.channels(); c++) {
                  double clean = value(i, v + dy, u + dx, c);
                  distance += Math.pow(noisy(y + dy, x + dx, c) - Math.sqrt(alphaBar) * clean, 2);
                }
              }
            }
            posterior.add(-distance / (2 * (1 - alphaBar)), i, v, u);
          }
        }
      }
    }
    return means(posterior);
  }

  private boolean sameBorders(int y, int x, int v, int u, int radius) {
    for (int dy = -radius; dy <= radius; dy++) {
      for (int dx = -radius; dx <= radius; dx++) {
        if (inside(y + dy, x + dx) != inside(v + dy, u + dx)) {
          return false;
        }
      }
    }
    return true;
  }

  /** Niedoba et al., eq. 9 to 11, at the pixel (y, x). */
  double[] composite(int y, int x, int patchSize) {
    double[] sum = new double[data.channels()];
    int covers = 0;
    for (int top = 0; top <= data.height() - patchSize; top++) {
      for (int left = 0; left <= data.width() - patchSize; left++) {
        if (y >= top && y < top + patchSize && x >= left && x < left + patchSize) {
          Posterior posterior = new Posterior();
          for (int i = 0; i < data.count(); i++) {
            double distance = 0;
            for (int v = top; v < top + patchSize; v++) {
              for (int u = left; u < left + patchSize; u++) {
                for (int c = 0; c < data.channels(); c++) {
                  distance += Math.pow(noisy(v, u, c) - Math.sqrt(alphaBar) * value(i, v, u, c), 2);
                }
              }
            }
            posterior.add(-distance / (2 * (1 - alphaBar)), i, y, x);
          }
          covers++;
          for (int c = 0; c < sum.length; c++) {
            sum[c] += posterior.mean(c);
          }
        }
      }
    }
    for (int c = 0; c < sum.length; c++) {
      sum[c] /= covers;
    }
    return sum;
  }

  private double[] means(Posterior posterior) {
    double[] means = new double[data.channels()];
    for (int c = 0; c < means.length; c++) {
      means[c] = posterior.mean(c);
    }
    return means;
  }
}
