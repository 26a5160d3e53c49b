package io.github.ddpm4j.optimal;

import io.github.ddpm4j.data.ImageDataset;
import java.util.Arrays;

/**
 * The optimal denoiser in double precision, from its formulas: squared distances summed over
 * differences, no expansion.
 */
final class Reference {
  final double[] logKernels;
  final double[] weights;
  final double[] x0;
  final double logSum;

  private Reference(double[] logKernels, double[] weights, double[] x0, double logSum) {
    this.logKernels = logKernels;
    this.weights = weights;
    this.x0 = x0;
    this.logSum = logSum;
  }

  /** Of the images for which a label is given, or of all for a label below 0. */
  static Reference of(ImageDataset data, float[] xt, int label, double alphaBar) {
    int size = data.imageSize();
    byte[] pixels = data.pixels();
    double signal = Math.sqrt(alphaBar);
    double[] logKernels = new double[data.count()];
    Arrays.parallelSetAll(
        logKernels,
        i -> {
          if (label >= 0 && data.label(i) != label) {
            return Double.NEGATIVE_INFINITY;
          }
          double sum = 0;
          for (int p = 0; p < size; p++) {
            double d = xt[p] - signal * ((pixels[i * size + p] & 0xff) / 127.5 - 1);
            sum += d * d;
          }
          return -sum / (2 * (1 - alphaBar));
        });
    double largest = Arrays.stream(logKernels).max().getAsDouble();
    double total = Arrays.stream(logKernels).map(l -> Math.exp(l - largest)).sum();
    double[] weights = Arrays.stream(logKernels).map(l -> Math.exp(l - largest) / total).toArray();
    double[] x0 = new double[size];
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        for (int p = 0; p < size; p++) {
          x0[p] += weights[i] * ((pixels[i * size + p] & 0xff) / 127.5 - 1);
        }
      }
    }
    return new Reference(logKernels, weights, x0, largest + Math.log(total));
  }

  /** x̂_0 by the same formulas in float32, as a plain implementation has it. */
  static float[] plain(ImageDataset data, float[] xt, double alphaBar) {
    int size = data.imageSize();
    byte[] pixels = data.pixels();
    float signal = (float) Math.sqrt(alphaBar);
    float factor = (float) (-1 / (2 * (1 - alphaBar)));
    double[] logits = new double[data.count()];
    Arrays.parallelSetAll(
        logits,
        i -> {
          float sum = 0;
          for (int p = 0; p < size; p++) {
            float d = xt[p] - signal * ((pixels[i * size + p] & 0xff) / 127.5f - 1);
            sum += d * d;
          }
          return factor * sum;
        });
    float largest = (float) Arrays.stream(logits).max().getAsDouble();
    float total = 0;
    float[] x0 = new float[size];
    for (int i = 0; i < logits.length; i++) {
      float weight = (float) Math.exp((float) logits[i] - largest);
      if (weight > 0) {
        total += weight;
        for (int p = 0; p < size; p++) {
          x0[p] += weight * ((pixels[i * size + p] & 0xff) / 127.5f - 1);
        }
      }
    }
    for (int p = 0; p < size; p++) {
      x0[p] /= total;
    }
    return x0;
  }
}
