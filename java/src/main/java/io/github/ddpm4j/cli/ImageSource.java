package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.Cifar10;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.data.NpzFile;
import io.github.ddpm4j.image.ImageFile;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.Gaussian;
import io.github.ddpm4j.metrics.ReferenceStatistics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntFunction;

/**
 * Images that {@code evaluate} judges or compares with: as many as {@code count}, one batch of any
 * of them at a time; or a distribution of features.
 *
 * @param batch the images from an index on, at most {@link #BATCH} of one size; null for statistics
 * @param statistics null for images
 */
record ImageSource(String name, int count, IntFunction<Images> batch, Gaussian statistics) {
  static final String SYNTAX =
      "DIR of images, FILE.npz or FILE.npy of images, FILE.npz of statistics, mnist:train, mnist:test,"
          + " cifar10:train, cifar10:test or model:NAME|DIR|hub:NAME";

  static final int BATCH = 32;
  private static final String MODEL = "model:";

  /** What a source needs beside its name. */
  record Context(Path data, SamplerOptions sampler, DeviceOption device, Integer count, long seed) {
    static final int DEFAULT_SAMPLES = 1000;

    /** Of this many images, those to take: all, or some at random. */
    int[] choose(int all) {
      int[] order = new int[all];
      Arrays.setAll(order, i -> i);
      if (count == null) {
        return order;
      }
      if (count > all || count < 1) {
        throw new InvalidArgumentException("count is " + count + ", expected 1 to " + all);
      }
      SplittableRandom random = new SplittableRandom(seed);
      for (int i = 0; i < count; i++) {
        int j = random.nextInt(i, all);
        int chosen = order[j];
        order[j] = order[i];
        order[i] = chosen;
      }
      return Arrays.copyOf(order, count);
    }
  }

  /**
   * Opens a source; a model draws its samples.
   *
   * @throws InvalidArgumentException if the text names none
   */
  static ImageSource open(String text, Context context) {
    switch (text) {
      case "mnist:train":
        return of(text, Mnist.train(DataFolder.find("mnist", context.data)), context);
      case "mnist:test":
        return of(text, Mnist.test(DataFolder.find("mnist", context.data)), context);
      case "cifar10:train":
        return of(text, Cifar10.train(cifar(context)), context);
      case "cifar10:test":
        return of(text, Cifar10.test(cifar(context)), context);
      default:
        break;
    }
    if (text.startsWith(MODEL)) {
      return samples(text.substring(MODEL.length()), context);
    }
    Path path = Path.of(text);
    if (text.endsWith(".npz") || text.endsWith(".npy")) {
      NpzFile file = NpzFile.open(path);
      return ReferenceStatistics.are(file)
          ? new ImageSource(text, 0, null, ReferenceStatistics.read(path))
          : of(text, file.images(), context);
    }
    if (Files.isDirectory(path)) {
      return of(text, ImageFile.list(path), context);
    }
    throw new InvalidArgumentException("source is '" + text + "', expected " + SYNTAX);
  }

  private static Path cifar(Context context) {
    return DataFolder.find("cifar-10-batches-bin", context.data);
  }

  private static ImageSource of(String name, ImageDataset images, Context context) {
    int[] chosen = context.choose(images.count());
    return new ImageSource(
        name,
        chosen.length,
        first ->
            images.images(
                Arrays.copyOfRange(chosen, first, Math.min(first + BATCH, chosen.length))),
        null);
  }

  private static ImageSource of(String name, List<Path> files, Context context) {
    int[] chosen = context.choose(files.size());
    // One at a time: files may be of different sizes.
    return new ImageSource(
        name, chosen.length, first -> ImageFile.read(files.get(chosen[first])), null);
  }

  private static ImageSource samples(String model, Context context) {
    int count = context.count == null ? Context.DEFAULT_SAMPLES : context.count;
    try (DiffusionModel open = ModelOptions.open(model, context.device.get())) {
      Images samples = Progress.sample(open, context.sampler.of(open), count, context.seed);
      return new ImageSource(
          MODEL + model,
          count,
          first -> samples.slice(first, Math.min(BATCH, count - first)),
          null);
    }
  }
}
