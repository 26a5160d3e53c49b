package io.github.ddpm4j.cli;

import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.CaptionedGrid;
import io.github.ddpm4j.image.ImageFile;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.optimal.WeightedImage;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Denoises one image and shows what the result is made of. */
@Command(
    name = "denoise",
    description =
        "Add noise to an image and take it away again with the optimal denoiser; write the image,"
            + " x_t, x̂0 and the training images of largest weight.")
final class OptimalDenoiseCommand implements Callable<Integer> {
  @Mixin private DatasetOptions dataset;
  @Mixin private DeviceOption device;

  @ArgGroup(multiplicity = "1")
  private Source source;

  /** Which image. */
  private static final class Source {
    @Option(
        names = "--image",
        required = true,
        paramLabel = "FILE",
        description = "An image file of the data set's size.")
    private Path file;

    @Option(
        names = "--index",
        required = true,
        paramLabel = "I",
        description = "An image of the test set.")
    private Integer index;
  }

  @Option(
      names = "--timestep",
      defaultValue = "300",
      paramLabel = "T",
      description = "How much noise, 0 to 999. Default: ${DEFAULT-VALUE}.")
  private int timestep;

  @Option(
      names = "--top",
      defaultValue = "7",
      paramLabel = "K",
      description = "Training images to show. Default: ${DEFAULT-VALUE}.")
  private int top;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Seed of the noise. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--out",
      defaultValue = "denoised.png",
      paramLabel = "FILE",
      description = "PNG file to write. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Override
  public Integer call() {
    ImageDataset train = dataset.train();
    Images image = image(train);
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    try (OptimalDenoiser denoiser = dataset.denoiser(train, schedule, device.get());
        Scope scope = Scope.open(denoiser.device())) {
      Shape shape = Shape.of(1, train.height(), train.width(), train.channels());
      Tensor x = scope.tensor(shape, image.pixels());
      Tensor noise = Noise.philox(seed).fill(scope.allocate(shape), 0);
      Tensor xt = new ForwardProcess(schedule).jump(x, noise, timestep);
      Tensor x0 = denoiser.x0(xt, timestep);
      WeightedImage[] nearest = denoiser.nearest(xt, timestep, top)[0];

      int size = train.imageSize();
      float[] pixels = new float[(3 + nearest.length) * size];
      List<String> captions = new ArrayList<>(List.of("x_0", "x_t", "x̂_0"));
      System.arraycopy(image.pixels(), 0, pixels, 0, size);
      System.arraycopy(xt.toArray(), 0, pixels, size, size);
      System.arraycopy(x0.toArray(), 0, pixels, 2 * size, size);
      System.out.printf("%-8s %-6s %s%n", "image", "class", "weight");
      for (int i = 0; i < nearest.length; i++) {
        int index = nearest[i].index();
        System.arraycopy(train.images(index).pixels(), 0, pixels, (3 + i) * size, size);
        captions.add(String.format(Locale.ROOT, "#%d  %.3f", index, nearest[i].weight()));
        System.out.printf(
            Locale.ROOT, "%-8d %-6d %.6f%n", index, train.label(index), nearest[i].weight());
      }
      System.out.printf(
          Locale.ROOT,
          "effective sample size %.2f of %d%n",
          denoiser.effectiveSampleSize(xt, timestep)[0],
          denoiser.count());
      CaptionedGrid.save(
          out,
          new Images(3 + nearest.length, train.height(), train.width(), train.channels(), pixels),
          captions,
          5);
      System.out.println("wrote " + out);
    }
    return 0;
  }

  private Images image(ImageDataset train) {
    return source.file == null
        ? dataset.test().images(source.index)
        : ImageFile.read(source.file, train.height(), train.width(), train.channels());
  }
}
