package io.github.ddpm4j.guide;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.ReverseProcess;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.sampler.Ddpm;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.Locale;

/**
 * The reverse process with the true noise in place of a network's: what a perfect prediction would
 * give (Ho et al., arXiv 2006.11239, section 3.2).
 */
public final class ReversePictures {
  private static final int CELL = 128;
  private static final int LARGE_CELL = 256;
  private static final int MEDIUM_CELL = 192;
  private static final int FRAMES = 6;

  private ReversePictures() {}

  /**
   * x_t, the x̂_0 that follows from it and the true ε (eq. 15), and x_0, with ℓ1 distances to x_0:
   * means of |difference| over all values.
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   * @param t timestep, from 0
   */
  public static BufferedImage prediction(Images x0, NoiseSchedule schedule, Noise noise, int t) {
    Sheet sheet = new Sheet(x0);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor image = sheet.tensor(scope, 1);
      Tensor epsilon = noise.fill(scope.allocate(image.shape()), t);
      Tensor xt = new ForwardProcess(schedule).jump(image, epsilon, t);
      PredictionType.Combination of = PredictionType.EPSILON.x0(schedule.alphaBar(t));
      Tensor predicted = scope.allocate(image.shape());
      DiffusionOps.linearCombination(
          predicted, new Term(of.fromXt(), xt), new Term(of.fromOutput(), epsilon));
      sheet.add(xt);
      sheet.add(predicted);
      sheet.add(image);
    }
    Images images = sheet.images();
    return sheet
        .panels(LARGE_CELL)
        .columns(
            "x\u209c at t = " + t + "\n" + distance(images, 0, 2, "x\u2080"),
            "predicted x\u2080 from the true \u03b5\n" + distance(images, 1, 2, "x\u2080"),
            "x\u2080\n")
        .draw();
  }

  /**
   * x_t; the posterior's mean μ̃ of x_t and x_0 (eq. 7); the same from x_t and the true ε (eq. 11),
   * with its ℓ1 distance to μ̃; and the mean √ᾱ_{t-1} x_0 of q(x_{t-1}|x_0).
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   * @param t timestep, from 0
   */
  public static BufferedImage posterior(Images x0, NoiseSchedule schedule, Noise noise, int t) {
    Sheet sheet = new Sheet(x0);
    ReverseProcess reverse = new ReverseProcess(schedule);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor image = sheet.tensor(scope, 1);
      Tensor epsilon = noise.fill(scope.allocate(image.shape()), t);
      Tensor xt = new ForwardProcess(schedule).jump(image, epsilon, t);
      Tensor mean = scope.allocate(image.shape());
      DiffusionOps.linearCombination(
          mean,
          new Term(reverse.meanFromX0(t, t - 1), image),
          new Term(reverse.meanFromXt(t, t - 1), xt));
      Tensor fromNoise = scope.allocate(image.shape());
      double root = Math.sqrt(schedule.alpha(t));
      DiffusionOps.linearCombination(
          fromNoise,
          new Term(1 / root, xt),
          new Term(-schedule.beta(t) / schedule.sigma(t) / root, epsilon));
      sheet.add(xt);
      sheet.add(mean);
      sheet.add(fromNoise);
      sheet.add(PointwiseOps.scale(image, (float) schedule.signal(t - 1)));
    }
    Images images = sheet.images();
    String mu = "\u03bc\u0303";
    return sheet
        .panels(MEDIUM_CELL)
        .columns(
            "x\u209c at t = " + t + "\n" + distance(images, 0, 1, mu),
            "posterior mean " + mu + "\nof x\u209c and x\u2080",
            "the same from the true \u03b5\n" + distance(images, 2, 1, mu),
            "mean given x\u2080 alone\n" + distance(images, 3, 1, mu))
        .draw();
  }

  /**
   * The predictor that knows the image: ε = (x_t - √ᾱ_t x_0) / √(1-ᾱ_t), eq. 4 solved for ε.
   *
   * @param x0 one image, pixels in [-1, 1]
   */
  public static NoisePredictor oracle(Images x0, NoiseSchedule schedule) {
    return (xt, t) -> {
      Tensor image = Sheet.repeat(new Sheet(x0).tensor(xt.scope(), 1), xt.dim(0));
      return DiffusionOps.linearCombination(
          xt.scope().allocate(xt.shape()),
          new Term(1 / schedule.sigma(t), xt),
          new Term(-schedule.signal(t) / schedule.sigma(t), image));
    };
  }

  /**
   * The reverse process over all timesteps, from pure noise, with the oracle's ε and variance β_t:
   * six frames of x_t from the first step to the last, which gives x_0.
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   */
  public static BufferedImage oracleFrames(Images x0, NoiseSchedule schedule, Noise noise) {
    Frames frames = new Frames(FRAMES);
    Sheet sheet = new Sheet(x0);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = noise.fill(scope.allocate(sheet.tensor(scope, 1).shape()), 0);
      Ddpm.full()
          .variance(VarianceType.FIXED_LARGE)
          .noClip()
          .sample(oracle(x0, schedule), schedule, x, noise, frames);
    }
    return Panels.of(frames.xt(0), Panels.scale(x0, CELL))
        .title("Reverse process with the true noise, " + schedule.steps() + " steps")
        .columns(frames.labels())
        .draw();
  }

  private static String distance(Images images, int a, int b, String name) {
    int size = images.pixels().length / images.count();
    double sum = 0;
    for (int p = 0; p < size; p++) {
      sum += Math.abs(images.pixels()[a * size + p] - images.pixels()[b * size + p]);
    }
    return String.format(Locale.ROOT, "\u2113\u2081 to %s: %.2g", name, sum / size);
  }
}
