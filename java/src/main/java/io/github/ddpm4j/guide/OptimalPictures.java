package io.github.ddpm4j.guide;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.DenoisingFigures;
import io.github.ddpm4j.metrics.DenoisingReport;
import io.github.ddpm4j.metrics.NearestImages;
import io.github.ddpm4j.metrics.SamplePicture;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The optimal denoiser of a data set (Yi, Sun and Li, arXiv 2305.14712, theorem 2), alone and
 * beside a network that was trained on it.
 */
public final class OptimalPictures {
  private static final int STEPS = 50;
  private static final int ROWS = 5;
  private static final int TIMESTEPS = 11;
  private static final int CELL = 84;

  private OptimalPictures() {}

  /**
   * Samples of the optimal denoiser, each above the nearest image of its data set with index and
   * distance; then those of a network from the same noise.
   *
   * @param optimal the denoiser of the data set
   * @param network a model of the denoiser's schedule, or null
   */
  public static BufferedImage samples(
      OptimalDenoiser optimal, ImageDataset data, DiffusionModel network, int count, long seed) {
    NearestImages nearest = new NearestImages(optimal, data);
    SamplePicture picture = new SamplePicture(data);
    Shape shape = Shape.of(data.height(), data.width(), data.channels());
    Ddim sampler = Ddim.steps(Math.min(STEPS, optimal.schedule().steps()));
    SampleOptions options = SampleOptions.count(count).seed(seed).sampler(sampler);
    Images samples = DiffusionModel.sample(optimal, optimal.schedule(), shape, options);
    picture.add("optimal", samples, nearest.of(samples));
    if (network != null) {
      Images others = network.sample(options);
      picture.add("network", others, nearest.of(others));
    }
    return picture.draw();
  }

  /**
   * What the optimal denoiser and a network take a noisy image for, for five timesteps in rows:
   * x_t, x̂_0 of both, and x_0; on the left for an image of the denoiser's data set, on the right
   * for one that is not in it.
   *
   * @param network a model of the denoiser's schedule
   * @param seen one image of the data set
   * @param unseen one other image
   */
  public static BufferedImage denoising(
      OptimalDenoiser optimal, DiffusionModel network, Images seen, Images unseen, Noise noise) {
    NoiseSchedule schedule = optimal.schedule();
    int[] timesteps =
        IntStream.range(0, ROWS).map(i -> (2 * i + 1) * schedule.steps() / (2 * ROWS)).toArray();
    Sheet sheet = new Sheet(seen);
    for (int t : timesteps) {
      for (Images image : new Images[] {seen, unseen}) {
        try (Scope scope = Scope.open(Device.cpu())) {
          Tensor x0 = new Sheet(image).tensor(scope, 1);
          Tensor epsilon = noise.fill(scope.allocate(x0.shape()), t);
          Tensor xt = new ForwardProcess(schedule).jump(x0, epsilon, t);
          sheet.add(xt);
          sheet.add(optimal.x0(xt, t));
          sheet.add(predictedImage(network.predictor(), schedule, xt, t));
          sheet.add(x0);
        }
      }
    }
    return sheet
        .panels(CELL)
        .title("Denoised: a training image (left), a test image (right)")
        .columns(
            "x\u209c", "optimal", "network", "x\u2080", "x\u209c", "optimal", "network", "x\u2080")
        .rows(ForwardPictures.labels(timesteps))
        .draw();
  }

  private static Tensor predictedImage(
      NoisePredictor predictor, NoiseSchedule schedule, Tensor xt, int t) {
    PredictionType.Combination x0 = predictor.predictionType().x0(schedule.alphaBar(t));
    return DiffusionOps.linearCombination(
        xt.scope().allocate(xt.shape()),
        new Term(x0.fromXt(), xt),
        new Term(x0.fromOutput(), predictor.predict(xt, t)));
  }

  /**
   * Loss of the optimal denoiser and of a network by timestep, on images of the denoiser's data set
   * and on others.
   *
   * @param network a model of the denoiser's schedule
   * @param train the denoiser's data set
   * @param test other images
   * @param count noised images of each set at a timestep; fewer if there are fewer
   * @param seed of the choice of images and of the noise
   */
  public static BufferedImage losses(
      OptimalDenoiser optimal,
      DiffusionModel network,
      ImageDataset train,
      ImageDataset test,
      int count,
      long seed) {
    DenoisingReport report = new DenoisingReport();
    Images seen = some(train, count, seed);
    Images unseen = some(test, count, seed);
    Noise noise = Noise.philox(seed);
    int last = optimal.schedule().steps() - 1;
    NoisePredictor predictor = network.predictor();
    for (int i = 0; i < TIMESTEPS; i++) {
      int t = (int) Math.round(i * last / (TIMESTEPS - 1.0));
      report.add("train", DenoisingFigures.of(optimal, train, seen, predictor, t, noise));
      report.add("test", DenoisingFigures.of(optimal, train, unseen, predictor, t, noise));
    }
    return report.lossPlot();
  }

  private static Images some(ImageDataset data, int count, long seed) {
    return data.images(Arrays.copyOf(data.order(seed), Math.min(count, data.count())));
  }
}
