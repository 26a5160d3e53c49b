package io.github.ddpm4j.metrics;

import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.optimal.Work;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;

/**
 * What the optimal denoiser makes of real images with noise of one timestep; means over the images.
 *
 * @param t timestep
 * @param snr signal-to-noise ratio ᾱ_t / (1-ᾱ_t)
 * @param effectiveSampleSize how many images share the weight: 1 for a copy, all for the mean image
 * @param largestWeight softmax weight of the nearest image, 0 to 1
 * @param x0Distance distance of x̂_0 to the nearest image of the data set, for values in [-1, 1]
 * @param xtDistance the same of x_t / √ᾱ_t
 * @param optimalLoss mean squared error of ε* against the noise, per value. Over the data set's own
 *     images no predictor has less: the irreducible part of DDPM's loss (Ho et al., arXiv
 *     2006.11239, eq. 14; Yi et al., arXiv 2305.14712)
 * @param networkLoss the same of a network; NaN without one
 * @param skipped share of pairs of noisy image and data set image whose distance was not computed
 * @param skippedByMeans the part of these that were ruled out unseen, by their block means; the
 *     others took a distance to a few bits
 */
public record DenoisingFigures(
    int t,
    double snr,
    double effectiveSampleSize,
    double largestWeight,
    double x0Distance,
    double xtDistance,
    double optimalLoss,
    double networkLoss,
    double skipped,
    double skippedByMeans) {
  private static final int BATCH = 16;

  /**
   * Measures.
   *
   * @param data what the denoiser is of
   * @param images real images, of the data set or not
   * @param network a network for the denoiser's schedule, on its device, or null
   * @param t timestep; the noise of image i is draw t of its stream
   */
  public static DenoisingFigures of(
      OptimalDenoiser denoiser,
      ImageDataset data,
      Images images,
      NoisePredictor network,
      int t,
      Noise noise) {
    NearestImages nearest = new NearestImages(denoiser, data);
    Sums sums = new Sums();
    for (int first = 0; first < images.count(); first += BATCH) {
      Images batch = images.slice(first, Math.min(BATCH, images.count() - first));
      sums.add(denoiser, nearest, batch, network, t, noise.from(first));
    }
    double n = images.count();
    return new DenoisingFigures(
        t,
        denoiser.schedule().snr(t),
        sums.effective / n,
        sums.largest / n,
        sums.x0Distance / n,
        sums.xtDistance / n,
        sums.optimal / images.pixels().length,
        network == null ? Double.NaN : sums.network / images.pixels().length,
        1 - (double) sums.compared / sums.pairs,
        (double) sums.byMeans / sums.pairs);
  }

  private static final class Sums {
    private double effective;
    private double largest;
    private double x0Distance;
    private double xtDistance;
    private double optimal;
    private double network;
    private long pairs;
    private long compared;
    private long byMeans;

    void add(
        OptimalDenoiser denoiser,
        NearestImages nearest,
        Images images,
        NoisePredictor predictor,
        int t,
        Noise noise) {
      NoiseSchedule schedule = denoiser.schedule();
      try (Scope scope = Scope.open(denoiser.device())) {
        Shape shape = Shape.of(images.count(), images.height(), images.width(), images.channels());
        Tensor epsilon = noise.fill(scope.allocate(shape), t);
        Tensor x = scope.tensor(shape, images.pixels());
        Tensor xt = new ForwardProcess(schedule).jump(x, epsilon, t);
        float[] target = epsilon.toArray();
        float[] noisy = xt.toArray();

        Work before = denoiser.work();
        float[] predicted = denoiser.predict(xt, t).toArray();
        Work after = denoiser.work();
        pairs += after.pairs() - before.pairs();
        compared += after.compared() - before.compared();
        byMeans += after.skippedByMeans() - before.skippedByMeans();
        optimal += squaredError(noisy, predicted, target, PredictionType.EPSILON.epsilon(0));
        if (predictor != null) {
          float[] output = predictor.predict(xt, t).toArray();
          network +=
              squaredError(
                  noisy, output, target, predictor.predictionType().epsilon(schedule.alphaBar(t)));
        }

        Images x0 = like(images, denoiser.x0(xt, t).toArray());
        for (NearestImages.Neighbour neighbour : nearest.of(x0)) {
          x0Distance += neighbour.distance();
        }
        for (int p = 0; p < noisy.length; p++) {
          noisy[p] /= (float) schedule.signal(t);
        }
        Images scaled = like(images, noisy);
        double[][] weights = denoiser.weights(xt, t);
        for (int i = 0; i < weights.length; i++) {
          int best = indexOfLargest(weights[i]);
          largest += weights[i][best];
          effective += 1 / Arrays.stream(weights[i]).map(w -> w * w).sum();
          // The largest weight is that of the least ‖x_t - √ᾱ_t x_i‖.
          xtDistance += nearest.distance(scaled, i, best);
        }
      }
    }

    private static Images like(Images images, float[] pixels) {
      return new Images(images.count(), images.height(), images.width(), images.channels(), pixels);
    }

    private static int indexOfLargest(double[] values) {
      int best = 0;
      for (int i = 1; i < values.length; i++) {
        best = values[i] > values[best] ? i : best;
      }
      return best;
    }

    private static double squaredError(
        float[] xt, float[] output, float[] target, PredictionType.Combination epsilon) {
      double sum = 0;
      for (int p = 0; p < target.length; p++) {
        double error = epsilon.fromXt() * xt[p] + epsilon.fromOutput() * output[p] - target[p];
        sum += error * error;
      }
      return sum;
    }
  }
}
