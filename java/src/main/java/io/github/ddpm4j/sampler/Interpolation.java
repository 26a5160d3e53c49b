package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Interpolation between two images: both are given noise, mixed, and denoised (Ho et al., arXiv
 * 2006.11239, section 4.3 and figure 8).
 *
 * <pre>{@code
 * Interpolation.by(Ddim.steps(50).skipping(25)).images(predictor, schedule, a, b, weights, noise);
 * }</pre>
 *
 * <p>The sampler's first timestep says how much noise: the fewer levels it skips, the less the
 * results resemble the two images. Immutable.
 */
public final class Interpolation {
  private final Sampler sampler;
  private final boolean slerp;

  private Interpolation(Sampler sampler, boolean slerp) {
    this.sampler = sampler;
    this.slerp = slerp;
  }

  /** Interpolation on straight lines between noisy images, as in the paper. */
  public static Interpolation by(Sampler sampler) {
    return new Interpolation(sampler, false);
  }

  /**
   * Whether to go along great circles between noisy images, which keeps the amount of noise (Song
   * et al., arXiv 2010.02502, appendix D.5).
   */
  public Interpolation slerp(boolean use) {
    return new Interpolation(sampler, use);
  }

  /**
   * One image for each weight.
   *
   * @param a image for weight 0, [1,H,W,C]
   * @param b image for weight 1, of the same shape
   * @param weights the part of b, λ in the paper
   * @param noise draw 0 of its first two images noises a and b, whatever the weights; the sampler
   *     takes draws from 1 on of an image for each weight
   * @return [weights,H,W,C], in a's scope
   */
  public Tensor images(
      NoisePredictor predictor,
      NoiseSchedule schedule,
      Tensor a,
      Tensor b,
      double[] weights,
      Noise noise) {
    if (a.shape().rank() != 4 || a.dim(0) != 1 || !a.shape().equals(b.shape())) {
      throw new InvalidArgumentException(
          "images have shapes " + a.shape() + " and " + b.shape() + ", expected two of [1,H,W,C]");
    }
    if (weights.length == 0) {
      throw new InvalidArgumentException("0 weights given, expected at least 1");
    }
    double t = sampler.timesteps(schedule)[0];
    Shape pair = Shape.of(2, a.dim(1), a.dim(2), a.dim(3));
    Tensor both = a.scope().allocate(pair);
    both.slice(0, 1).copyFrom(a);
    both.slice(1, 1).copyFrom(b);
    Tensor noised =
        new ForwardProcess(schedule).jump(both, noise.fill(a.scope().allocate(pair), 0), t);
    float[] from = noised.slice(0, 1).toArray();
    float[] to = noised.slice(1, 1).toArray();
    float[] mixed = new float[weights.length * from.length];
    double angle = angle(from, to);
    for (int n = 0; n < weights.length; n++) {
      double fromFirst = slerp ? along(1 - weights[n], angle) : 1 - weights[n];
      double fromSecond = slerp ? along(weights[n], angle) : weights[n];
      for (int i = 0; i < from.length; i++) {
        mixed[n * from.length + i] = (float) (fromFirst * from[i] + fromSecond * to[i]);
      }
    }
    Tensor x = a.scope().tensor(Shape.of(weights.length, a.dim(1), a.dim(2), a.dim(3)), mixed);
    sampler.sample(predictor, schedule, x, noise, null);
    return x;
  }

  private static double angle(float[] a, float[] b) {
    double dot = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      dot += (double) a[i] * b[i];
      aa += (double) a[i] * a[i];
      bb += (double) b[i] * b[i];
    }
    return Math.acos(Math.max(-1, Math.min(1, dot / Math.sqrt(aa * bb))));
  }

  /** sin(λ θ) / sin θ; λ where the two are parallel. */
  private static double along(double weight, double angle) {
    double sine = Math.sin(angle);
    return Math.abs(sine) < 1e-9 ? weight : Math.sin(weight * angle) / sine;
  }
}
