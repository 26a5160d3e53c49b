package io.github.ddpm4j.unet;

import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.checkpoint.SchedulerConfig.BetaSchedule;
import io.github.ddpm4j.process.VarianceType;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Diffusers' DDPM and DDIM schedulers, written from diffusers' definition, not from ours.
 *
 * @param exact whether the products of alphas are left in double precision; diffusers rounds them
 *     to float32, and 1 - ᾱ of the first timesteps with them
 * @param eta of DDIM
 * @param timesteps where steps start
 */
record TorchScheduler(SchedulerConfig config, double eta, List<Integer> timesteps, boolean exact) {
  private static final double SMALLEST_VARIANCE = 1e-20;

  private double[] alphasCumprod() {
    if (exact) {
      return IntStream.range(0, timesteps.get(0) + 1)
          .mapToDouble(config.schedule()::alphaBar)
          .toArray();
    }
    int steps = config.numTrainTimesteps();
    Tensor betas;
    if (config.betaSchedule() == BetaSchedule.LINEAR) {
      betas = linspace(config.betaStart(), config.betaEnd(), steps);
    } else if (config.betaSchedule() == BetaSchedule.SCALED_LINEAR) {
      betas = linspace(Math.sqrt(config.betaStart()), Math.sqrt(config.betaEnd()), steps).square();
    } else {
      float[] cosine = new float[steps];
      for (int i = 0; i < steps; i++) {
        cosine[i] =
            (float) Math.min(1 - alphaBar((i + 1.0) / steps) / alphaBar((double) i / steps), 0.999);
      }
      betas = torch.tensor(cosine);
    }
    Tensor alphas = betas.neg().add(new Scalar(1.0));
    return TorchNetwork.values(torch.cumprod(alphas, 0));
  }

  private static double alphaBar(double t) {
    return Math.pow(Math.cos((t + 0.008) / 1.008 * Math.PI / 2), 2);
  }

  private static Tensor linspace(double start, double end, int steps) {
    return torch.linspace(new Scalar(start), new Scalar(end), steps);
  }

  /** The timesteps that diffusers spaces with "leading". */
  static List<Integer> leading(SchedulerConfig config, int steps) {
    int ratio = config.numTrainTimesteps() / steps;
    return IntStream.range(0, steps)
        .mapToObj(i -> (steps - 1 - i) * ratio + config.stepsOffset())
        .toList();
  }

  /** x after step i: DDPM's if eta is negative, else DDIM's. */
  Tensor step(int i, Tensor x, Tensor output, Tensor noise) {
    double[] products = alphasCumprod();
    int t = timesteps.get(i);
    int previous = t - config.numTrainTimesteps() / timesteps.size();
    double last = eta >= 0 && Boolean.FALSE.equals(config.setAlphaToOne()) ? products[0] : 1;
    double product = products[t];
    double previousProduct = previous >= 0 ? products[previous] : last;
    double rest = 1 - product;
    double previousRest = 1 - previousProduct;
    Tensor x0 = x0(x, output, product, rest);
    if (eta < 0) {
      double alpha = product / previousProduct;
      double beta = 1 - alpha;
      Tensor mean =
          times(x0, root(previousProduct) * beta / rest)
              .add(times(x, root(alpha) * previousRest / rest));
      double variance = Math.max(previousRest / rest * beta, SMALLEST_VARIANCE);
      double used = config.varianceType() == VarianceType.FIXED_LARGE ? beta : variance;
      return t > 0 ? mean.add(times(noise, root(used))) : mean;
    }
    double variance = previousRest / rest * (1 - product / previousProduct);
    double deviation = eta * root(variance);
    Tensor direction =
        times(epsilon(x, output, product, rest), root(previousRest - deviation * deviation));
    Tensor next = times(x0, root(previousProduct)).add(direction);
    return eta > 0 ? next.add(times(noise, deviation)) : next;
  }

  private Tensor x0(Tensor x, Tensor output, double product, double rest) {
    Tensor x0 =
        switch (config.predictionType()) {
          case EPSILON -> x.sub(times(output, root(rest))).div(new Scalar(root(product)));
          case SAMPLE -> output;
          case V_PREDICTION -> times(x, root(product)).sub(times(output, root(rest)));
          default -> throw new IllegalArgumentException("" + config.predictionType());
        };
    double range = config.clipSampleRange();
    return !Boolean.FALSE.equals(config.clipSample())
        ? torch.clamp(
            x0,
            new org.bytedeco.pytorch.ScalarOptional(new Scalar(-range)),
            new org.bytedeco.pytorch.ScalarOptional(new Scalar(range)))
        : x0;
  }

  private Tensor epsilon(Tensor x, Tensor output, double product, double rest) {
    return switch (config.predictionType()) {
      case EPSILON -> output;
      case SAMPLE -> x.sub(times(output, root(product))).div(new Scalar(root(rest)));
      case V_PREDICTION -> times(output, root(product)).add(times(x, root(rest)));
      default -> throw new IllegalArgumentException("" + config.predictionType());
    };
  }

  private static Tensor times(Tensor x, double factor) {
    return x.mul(new Scalar(factor));
  }

  private static double root(double x) {
    return Math.sqrt(x);
  }
}
