package io.github.ddpm4j.optimal;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * The optimal denoiser smoothed over its input (Scarvelis, de Ocáriz Borde and Solomon,
 * "Closed-Form Diffusion Models", arXiv 2310.12395): x̂_0 = 1/M Σ_m x̂*_0(x_t + s z_m, t) with M
 * standard normal perturbations z_m that stay the same for all images, timesteps and calls. Samples
 * are means of up to M images of the data set, not images of it.
 *
 * <p>s is on the scale of x_t. ε follows from x_t and x̂_0, without the mean of the z_m, which
 * would vanish for large M. May be used by several threads.
 */
public final class SmoothedDenoiser implements NoisePredictor {
  private final OptimalDenoiser denoiser;
  private final double scale;
  private final int samples;
  private final Noise perturbations;

  private SmoothedDenoiser(OptimalDenoiser denoiser, double scale, int samples, long seed) {
    this.denoiser = denoiser;
    this.scale = scale;
    this.samples = samples;
    this.perturbations = Noise.philox(seed);
  }

  /**
   * A denoiser smoothed.
   *
   * @param denoiser to stay open as long as this is used
   * @param scale s, at least 0; with 0 this is the denoiser itself
   * @param samples M, at least 1; each costs a call of the denoiser
   * @param seed of the perturbations
   */
  public static SmoothedDenoiser of(
      OptimalDenoiser denoiser, double scale, int samples, long seed) {
    if (!(scale >= 0 && scale < Double.POSITIVE_INFINITY) || samples < 1) {
      throw new InvalidArgumentException(
          "scale is "
              + scale
              + " and number of samples "
              + samples
              + ", expected at least 0 and at least 1");
    }
    return new SmoothedDenoiser(denoiser, scale, samples, seed);
  }

  /** ε. */
  @Override
  public Tensor predict(Tensor xt, double t) {
    return Epsilon.of(xt, x0(xt, t), denoiser.schedule(), t);
  }

  /** x̂_0. */
  public Tensor x0(Tensor xt, double t) {
    float[] input = xt.toArray();
    int size = input.length / xt.dim(0);
    double[] sums = new double[input.length];
    for (int m = 0; m < samples; m++) {
      try (Scope scope = Scope.open(xt.device())) {
        Shape one = xt.shape().withFirst(1);
        float[] z = perturbations.fill(scope.allocate(one), m).toArray();
        float[] perturbed = new float[input.length];
        for (int i = 0; i < input.length; i++) {
          perturbed[i] = (float) (input[i] + scale * z[i % size]);
        }
        float[] x0 = denoiser.x0(scope.tensor(xt.shape(), perturbed), t).toArray();
        for (int i = 0; i < sums.length; i++) {
          sums[i] += x0[i];
        }
      }
    }
    float[] means = new float[sums.length];
    for (int i = 0; i < means.length; i++) {
      means[i] = (float) (sums[i] / samples);
    }
    return xt.scope().tensor(xt.shape(), means);
  }
}
