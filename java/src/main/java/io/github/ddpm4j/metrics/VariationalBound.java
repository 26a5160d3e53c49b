package io.github.ddpm4j.metrics;

import static io.github.ddpm4j.process.VarianceType.FIXED_SMALL;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.ReverseProcess;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.function.IntConsumer;
import org.apache.commons.numbers.gamma.ErfDifference;

/**
 * The variational bound on a model's negative log-likelihood, in bits per dimension (Ho et al.,
 * arXiv 2006.11239, eq. 5 and 13): how many bits a value of an image costs if the model is used as
 * a code.
 *
 * <p>Every timestep is visited, with one draw of noise an image, as improved DDPM's {@code
 * calc_bpd_loop} does (Nichol and Dhariwal, arXiv 2102.09672). Unless set, the variance is
 * fixed_small and x̂_0 is clipped to [-1, 1]. Immutable: each method returns a changed bound.
 */
public final class VariationalBound {
  private static final int BATCH = 64;

  /** Half the distance of two byte values, in [-1, 1]. */
  private static final double HALF_BIN = 1.0 / 255;

  /** As in Ho et al.'s code, no value of an image is less likely. */
  private static final double SMALLEST_PROBABILITY = 1e-12;

  private final NoiseSchedule schedule;
  private final VarianceType variance;
  private final double clip;
  private final Device device;

  private VariationalBound(
      NoiseSchedule schedule, VarianceType variance, double clip, Device device) {
    this.schedule = schedule;
    this.variance = variance;
    this.clip = clip;
    this.device = device;
  }

  /**
   * The bound of models of a noise schedule.
   *
   * @param schedule of at least two timesteps
   */
  public static VariationalBound over(NoiseSchedule schedule) {
    if (schedule.steps() < 2) {
      throw new InvalidArgumentException(
          "the schedule has " + schedule.steps() + " timesteps, expected at least 2");
    }
    return new VariationalBound(schedule, FIXED_SMALL, 1, Device.cpu());
  }

  /**
   * Variance of the model's reverse process; {@code variance_type} in diffusers. A learned one
   * needs a predictor that gives it.
   */
  public VariationalBound variance(VarianceType variance) {
    return new VariationalBound(schedule, variance, clip, device);
  }

  /**
   * Clips x̂_0 to [-range, range].
   *
   * @param range above 0; positive infinity for no clipping
   */
  public VariationalBound clip(double range) {
    if (!(range > 0)) {
      throw new InvalidArgumentException("clip range is " + range + ", expected above 0");
    }
    return new VariationalBound(schedule, variance, range, device);
  }

  /** The device of the model, the CPU unless set. */
  public VariationalBound on(Device device) {
    return new VariationalBound(schedule, variance, clip, device);
  }

  /**
   * Terms of the bound, means over images.
   *
   * @param prior L_T, the distance of q(x_T|x_0) from the standard normal, in bits a dimension
   * @param steps at t the cost of the step from x_t, in bits a dimension: L_0, the decoder's, at 0
   *     and L_t at t
   * @param x0Error at t the mean square of x̂_0 - x_0
   * @param noiseError at t the mean square of ε̂ - ε, with ε̂ as it follows from the clipped x̂_0
   */
  public record Terms(double prior, double[] steps, double[] x0Error, double[] noiseError) {
    /** The bound, in bits a dimension: the sum of all terms. */
    public double bitsPerDimension() {
      return prior + Arrays.stream(steps).sum();
    }
  }

  /**
   * Evaluates the bound.
   *
   * @param predictor the model
   * @param images what it is to tell the likelihood of; all values count, so labels do not matter
   * @param indices of the images to use, at least one
   * @param noise timestep t takes draw t of image i for indices[i]
   * @param onStep told of each timestep when it is done, from the last one to 0
   * @throws InvalidArgumentException if there is no index, or one is not in the data set
   */
  public Terms of(
      NoisePredictor predictor,
      ImageDataset images,
      int[] indices,
      Noise noise,
      IntConsumer onStep) {
    if (indices.length == 0) {
      throw new InvalidArgumentException("no images given, expected at least one");
    }
    int steps = schedule.steps();
    Sums sums = new Sums(steps);
    float[] x0 = images.images(indices).pixels();
    int size = images.imageSize();
    for (int t = steps - 1; t >= 0; t--) {
      for (int first = 0; first < indices.length; first += BATCH) {
        int n = Math.min(BATCH, indices.length - first);
        Shape shape = Shape.of(n, images.height(), images.width(), images.channels());
        addStep(
            sums,
            predictor,
            Arrays.copyOfRange(x0, first * size, (first + n) * size),
            shape,
            noise.from(first),
            t);
      }
      onStep.accept(t);
    }
    return sums.terms(prior(x0), x0.length);
  }

  /** Sums over the values of all images, by timestep. */
  private record Sums(double[] nats, double[] x0Error, double[] noiseError) {
    Sums(int steps) {
      this(new double[steps], new double[steps], new double[steps]);
    }

    Terms terms(double prior, long values) {
      return new Terms(
          prior / values / Math.log(2),
          Arrays.stream(nats).map(sum -> sum / values / Math.log(2)).toArray(),
          Arrays.stream(x0Error).map(sum -> sum / values).toArray(),
          Arrays.stream(noiseError).map(sum -> sum / values).toArray());
    }
  }

  /** KL(q(x_T|x_0) || N(0, 1)) in nats. */
  private double prior(float[] x0) {
    double alphaBar = schedule.alphaBar(schedule.steps() - 1);
    double sum = 0;
    for (float x : x0) {
      sum += alphaBar * x * x - alphaBar - Math.log1p(-alphaBar);
    }
    return sum / 2;
  }

  private void addStep(
      Sums sums, NoisePredictor predictor, float[] x0, Shape shape, Noise noise, int t) {
    float[] xt;
    float[] output;
    int outputs;
    try (Scope scope = Scope.open(device)) {
      Tensor epsilon = noise.fill(scope.allocate(shape), t);
      Tensor noisy = new ForwardProcess(schedule).jump(scope.tensor(shape, x0), epsilon, t);
      Tensor predicted = predictor.predict(noisy, t);
      outputs = predicted.dim(-1);
      requireOutputs(outputs, shape.dim(3));
      xt = noisy.toArray();
      output = predicted.toArray();
    }
    int channels = shape.dim(3);
    double alphaBar = schedule.alphaBar(t);
    PredictionType.Combination toX0 = predictor.predictionType().x0(alphaBar);
    PredictionType.Combination toNoise = PredictionType.SAMPLE.epsilon(alphaBar);
    ReverseProcess reverse = new ReverseProcess(schedule);
    double meanFromX0 = reverse.meanFromX0(t, t - 1);
    double meanFromXt = reverse.meanFromXt(t, t - 1);
    // At t = 0 the posterior has no variance; as in Ho et al.'s code, that of t = 1 stands in.
    double small = Math.log(reverse.variance(Math.max(t, 1), Math.max(t, 1) - 1, FIXED_SMALL));
    double large = Math.log(schedule.beta(t));
    for (int i = 0; i < x0.length; i++) {
      int at = i / channels * outputs + i % channels;
      double guess = toX0.fromXt() * xt[i] + toX0.fromOutput() * output[at];
      guess = Math.max(-clip, Math.min(clip, guess));
      double logVariance =
          switch (variance) {
            case FIXED_SMALL, FIXED_SMALL_LOG -> small;
            case FIXED_LARGE, FIXED_LARGE_LOG -> t == 0 ? small : large;
            case LEARNED -> Math.log(output[at + channels]);
            case LEARNED_RANGE -> small + (output[at + channels] + 1) / 2 * (large - small);
          };
      double error = guess - x0[i];
      if (t == 0) {
        double mean = meanFromX0 * guess + meanFromXt * xt[i];
        sums.nats[t] -= Math.log(binProbability(x0[i], mean, Math.exp(logVariance / 2)));
      } else {
        double shift = meanFromX0 * error;
        double ratio = small - logVariance;
        sums.nats[t] += (Math.expm1(ratio) - ratio + shift * shift * Math.exp(-logVariance)) / 2;
      }
      sums.x0Error[t] += error * error;
      sums.noiseError[t] += square(toNoise.fromOutput() * error);
    }
  }

  private void requireOutputs(int outputs, int channels) {
    if (outputs != 2 * channels && (variance.learned() || outputs != channels)) {
      throw new InvalidArgumentException(
          "the predictor gives "
              + outputs
              + " channels, expected "
              + (variance.learned() ? "" : channels + " or ")
              + 2 * channels
              + " for images of "
              + channels
              + " with variance "
              + variance.configName());
    }
  }

  /** Mass of the normal distribution in the bin of a byte value; the outermost bins are open. */
  static double binProbability(double x, double mean, double deviation) {
    double scale = Math.sqrt(0.5) / deviation;
    double low = x < -1 + HALF_BIN ? Double.NEGATIVE_INFINITY : (x - HALF_BIN - mean) * scale;
    double high = x > 1 - HALF_BIN ? Double.POSITIVE_INFINITY : (x + HALF_BIN - mean) * scale;
    return Math.max(ErfDifference.value(low, high) / 2, SMALLEST_PROBABILITY);
  }

  private static double square(double x) {
    return x * x;
  }
}
