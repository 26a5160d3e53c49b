package io.github.ddpm4j.guide;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.Cifar10;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.image.Gif;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.image.Png;
import io.github.ddpm4j.metrics.DigitClassifier;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.train.LossPlot;
import io.github.ddpm4j.unet.NetworkConfig;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * Draws the pictures of the guide, docs/guide.md. Immutable: each method returns a changed guide.
 *
 * <pre>{@code
 * try (DiffusionModel model = DiffusionModel.pretrained("mnist")) {
 *   Guide.of(model).save(Picture.REVERSE, Path.of("pictures"));
 * }
 * }</pre>
 */
public final class Guide {
  private static final int STEPS = 1000;
  private static final int EARLY = 50;
  private static final long SEED = 0;
  private static final int JUDGED = 200;
  private static final int BESIDE_NETWORK = 10;
  private static final int ALONE = 20;
  private static final int MEASURED = 16;

  private final DiffusionModel model;
  private final Images scene;
  private final Path data;
  private final Path run;
  private final int judged;

  private Guide(DiffusionModel model, Images scene, Path data, Path run, int judged) {
    this.model = model;
    this.scene = scene;
    this.data = data;
    this.run = run;
    this.judged = judged;
  }

  /** The guide of a model, which is to stay open. */
  public static Guide of(DiffusionModel model) {
    return new Guide(model, Scene.drawn(), null, null, JUDGED);
  }

  /**
   * The picture of the first part, in place of {@link Scene#drawn}.
   *
   * @param scene one image with 1 or 3 channels, pixels in [-1, 1]
   */
  public Guide scene(Images scene) {
    return new Guide(model, scene, data, run, judged);
  }

  /** Where the data sets are; see {@link DataFolder#find}. */
  public Guide data(Path folder) {
    return new Guide(model, scene, folder, run, judged);
  }

  /** The training run whose losses are drawn: the folder of its {@code loss.csv}. */
  public Guide run(Path folder) {
    return new Guide(model, scene, data, folder, judged);
  }

  /** How many samples are judged for each bar of {@link Picture#QUALITY}: 200 unless set. */
  public Guide judged(int samples) {
    return new Guide(model, scene, data, run, samples);
  }

  /** What a picture needs and is not there, in words; empty if it can be drawn. */
  public Optional<String> missing(Picture picture) {
    try {
      require(picture);
      return Optional.empty();
    } catch (DataFormatException | InvalidArgumentException e) {
      return Optional.of(e.getMessage());
    }
  }

  private void require(Picture picture) {
    switch (picture) {
      case LOSS -> {
        if (run == null) {
          throw new InvalidArgumentException(
              "no training run is given, expected the folder of one with its loss.csv");
        }
      }
      case QUALITY, OPTIMAL_MNIST, DENOISING, TIMESTEPS -> {
        requireDigits();
        mnist();
      }
      case OPTIMAL_CIFAR10 -> cifar10();
      default -> {}
    }
  }

  private void requireDigits() {
    NetworkConfig config = model.unet().config();
    int size = DigitClassifier.SIZE;
    if (config.sampleHeight() != size || config.sampleWidth() != size || config.inChannels() != 1) {
      throw new InvalidArgumentException(
          "the model draws "
              + config.sampleHeight()
              + "x"
              + config.sampleWidth()
              + "x"
              + config.inChannels()
              + ", expected digits of 28x28x1");
    }
  }

  private Path mnist() {
    return DataFolder.find("mnist", data);
  }

  private Path cifar10() {
    return DataFolder.find("cifar-10-batches-bin", data);
  }

  /**
   * Draws a picture.
   *
   * @param folder gets {@link Picture#fileName}; it is made if missing
   * @return the file
   * @throws DataFormatException if a data set is missing or wrong
   * @throws InvalidArgumentException if it needs a run or another model
   */
  public Path save(Picture picture, Path folder) {
    require(picture);
    Path file = folder.resolve(picture.fileName());
    if (picture == Picture.ANIMATION) {
      Gif.write(file, ModelPictures.animation(model, SEED));
    } else {
      Png.write(file, draw(picture));
    }
    return file;
  }

  private BufferedImage draw(Picture picture) {
    NoiseSchedule linear = NoiseSchedule.linear(STEPS);
    Noise noise = Noise.philox(SEED);
    return switch (picture) {
      case JUMPS -> ForwardPictures.jumps(scene, linear, noise);
      case STEPS -> ForwardPictures.steps(scene, linear, noise);
      case NOISE -> ForwardPictures.noise(scene, linear, noise, EARLY);
      case PREDICTION -> ReversePictures.prediction(scene, linear, noise, EARLY);
      case POSTERIOR -> ReversePictures.posterior(scene, linear, noise, EARLY);
      case ORACLE -> ReversePictures.oracleFrames(scene, linear, noise);
      case SCHEDULES -> ForwardPictures.schedules(scene, STEPS, noise);
      case LOSS -> LossPlot.ofRun(run);
      case SAMPLES -> ModelPictures.samples(model, SEED);
      case REVERSE -> ModelPictures.reverse(model, SEED);
      case ANIMATION -> throw new IllegalStateException("is no single picture");
      case QUALITY -> ModelPictures.quality(model, Mnist.test(mnist()), judged, SEED);
      case OPTIMAL_MNIST ->
          overMnist(
              (optimal, train) ->
                  OptimalPictures.samples(optimal, train, model, BESIDE_NETWORK, SEED));
      case OPTIMAL_CIFAR10 -> {
        ImageDataset train = Cifar10.train(cifar10());
        try (OptimalDenoiser optimal = OptimalDenoiser.over(train, linear)) {
          yield OptimalPictures.samples(optimal, train, null, ALONE, SEED);
        }
      }
      case DENOISING ->
          overMnist(
              (optimal, train) ->
                  OptimalPictures.denoising(
                      optimal, model, train.images(0), Mnist.test(mnist()).images(0), noise));
      case TIMESTEPS ->
          overMnist(
              (optimal, train) ->
                  OptimalPictures.losses(
                      optimal, model, train, Mnist.test(mnist()), MEASURED, SEED));
    };
  }

  /** Draws with the optimal denoiser of MNIST's training images, for the model's schedule. */
  private BufferedImage overMnist(BiFunction<OptimalDenoiser, ImageDataset, BufferedImage> draw) {
    ImageDataset train = Mnist.train(mnist());
    try (OptimalDenoiser optimal = OptimalDenoiser.over(train, model.schedule())) {
      return draw.apply(optimal, train);
    }
  }
}
