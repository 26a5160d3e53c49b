package io.github.ddpm4j.serve;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.data.Cifar10;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.NearestImages;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** The training images of a data set and their optimal denoiser, read when first asked for. */
final class TrainingSet implements Denoiser, AutoCloseable {
  private final String name;
  private final String label;
  private final Shape image;
  private final Function<Path, ImageDataset> reader;
  private final Path folder;
  private final String problem;
  private Loaded loaded;

  /** What is in memory once it has been read. */
  record Loaded(ImageDataset images, OptimalDenoiser denoiser, NearestImages nearest) {}

  /** An image of the set as the page gets it. */
  record Exhibit(int index, Integer label, byte[] pixels) {}

  private TrainingSet(
      String name,
      String label,
      Shape image,
      String folderName,
      Path given,
      Function<Path, ImageDataset> reader) {
    this.name = name;
    this.label = label;
    this.image = image;
    this.reader = reader;
    Path found = null;
    String complaint = null;
    try {
      found = DataFolder.find(folderName, given);
    } catch (DataFormatException e) {
      complaint = e.getMessage();
    }
    folder = found;
    problem = complaint;
  }

  /**
   * MNIST and CIFAR-10.
   *
   * @param data where they are looked for, as {@link DataFolder#find} does
   */
  static List<TrainingSet> all(Path data) {
    return List.of(
        new TrainingSet("mnist", "MNIST", Shape.of(28, 28, 1), "mnist", data, Mnist::train),
        new TrainingSet(
            "cifar10",
            "CIFAR-10",
            Shape.of(32, 32, 3),
            "cifar-10-batches-bin",
            data,
            Cifar10::train));
  }

  synchronized Loaded load() {
    if (loaded == null) {
      ImageDataset images = reader.apply(folder);
      OptimalDenoiser denoiser = OptimalDenoiser.over(images);
      loaded = new Loaded(images, denoiser, new NearestImages(denoiser, images));
    }
    return loaded;
  }

  Exhibit exhibit(int index) {
    ImageDataset images = load().images();
    return new Exhibit(
        index, images.hasLabels() ? images.label(index) : null, images.images(index).bytes());
  }

  @Override
  public String id() {
    return "optimal:" + name;
  }

  @Override
  public String label() {
    return "Optimal denoiser of " + label;
  }

  @Override
  public Shape image() {
    return image;
  }

  @Override
  public String problem() {
    return problem;
  }

  @Override
  public Images sample(Network scheduler, SampleOptions options) {
    NoiseSchedule schedule = scheduler.model().schedule();
    return DiffusionModel.sample(predictor(schedule), schedule, image, options);
  }

  @Override
  public NoisePredictor predictor(NoiseSchedule schedule) {
    return load().denoiser().withSchedule(schedule);
  }

  @Override
  public synchronized void close() {
    if (loaded != null) {
      loaded.denoiser().close();
    }
  }
}
