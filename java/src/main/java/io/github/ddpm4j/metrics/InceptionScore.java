package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.SplittableRandom;

/**
 * Inception score: exp(mean KL(p(y|x) ‖ p(y))) of a classifier's probabilities (Salimans et al.,
 * arXiv 1606.03498, section 4), the mean over equal parts of the images.
 *
 * <p>As in torch-fidelity the parts are taken of shuffled images and the softmax is in double; of
 * the FID Inception network it takes the 1008 logits without the bias. Immutable: each method
 * returns a changed score.
 */
public final class InceptionScore {
  private final int splits;
  private final long seed;

  private InceptionScore(int splits, long seed) {
    this.splits = splits;
    this.seed = seed;
  }

  /** As in the paper and torch-fidelity: ten parts. */
  public static InceptionScore standard() {
    return new InceptionScore(10, 2020);
  }

  /**
   * @param splits number of parts, at least 1
   */
  public InceptionScore splits(int splits) {
    if (splits < 1) {
      throw new InvalidArgumentException("number of splits is " + splits + ", expected at least 1");
    }
    return new InceptionScore(splits, seed);
  }

  public InceptionScore seed(long seed) {
    return new InceptionScore(splits, seed);
  }

  /**
   * The score.
   *
   * @param logits of each image, from which the softmax makes probabilities
   * @return mean and deviation over the parts
   * @throws InvalidArgumentException if there are fewer images than parts
   */
  public Estimate of(FeatureSet logits) {
    int n = logits.count();
    if (n < splits) {
      throw new InvalidArgumentException(
          "number of images is " + n + ", expected at least one for each of " + splits + " splits");
    }
    float[][] shuffled = logits.sorted();
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = n - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      float[] vector = shuffled[j];
      shuffled[j] = shuffled[i];
      shuffled[i] = vector;
    }
    double[] scores = new double[splits];
    for (int s = 0; s < splits; s++) {
      int first = (int) ((long) s * n / splits);
      int last = (int) ((s + 1L) * n / splits);
      scores[s] = score(shuffled, first, last);
    }
    return Estimate.of(scores);
  }

  private static double score(float[][] logits, int first, int last) {
    double[] sums = new double[logits[0].length];
    double entropies = 0;
    for (int i = first; i < last; i++) {
      entropies += addProbabilities(logits[i], sums);
    }
    double n = last - first;
    double entropyOfMean = 0;
    for (double sum : sums) {
      entropyOfMean -= plogp(sum / n);
    }
    return Math.exp(entropyOfMean - entropies / n);
  }

  /** Adds a softmax to sums; returns its entropy in nats. */
  private static double addProbabilities(float[] logits, double[] sums) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double total = 0;
    for (float logit : logits) {
      total += Math.exp(logit - largest);
    }
    double entropy = Math.log(total);
    for (int c = 0; c < logits.length; c++) {
      double p = Math.exp(logits[c] - largest) / total;
      sums[c] += p;
      entropy -= p * (logits[c] - largest);
    }
    return entropy;
  }

  private static double plogp(double p) {
    return p == 0 ? 0 : p * Math.log(p);
  }
}
