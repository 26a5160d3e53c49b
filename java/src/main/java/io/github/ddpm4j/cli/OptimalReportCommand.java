package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.DenoisingFigures;
import io.github.ddpm4j.metrics.DenoisingReport;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures an optimal denoiser over the timesteps. */
@Command(
    name = "report",
    description =
        "Measure the optimal denoiser on noised training and test images by timestep: loss beside a"
            + " network's, concentration of the weights, distance to the nearest training image,"
            + " skipped work. The folder gets report.csv, report.png and samples.png.")
final class OptimalReportCommand implements Callable<Integer> {
  private static final int MOST_SAMPLES = 20;

  @Mixin private DatasetOptions dataset;
  @Mixin private DeviceOption device;
  @Mixin private NetworkOptions network;
  @Mixin private SamplerOptions sampler;

  @Option(
      names = {"-n", "--count"},
      defaultValue = "32",
      description = "Noised images of each set at a timestep. Default: ${DEFAULT-VALUE}.")
  private int count;

  @Option(
      names = "--timesteps",
      defaultValue = "20",
      paramLabel = "N",
      description = "Timesteps, evenly spaced. Default: ${DEFAULT-VALUE}.")
  private int timesteps;

  @Option(names = "--seed", defaultValue = "0", description = "Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder of the report.")
  private Path out;

  @Override
  public Integer call() {
    ImageDataset train = dataset.train();
    ImageDataset test = dataset.test();
    try (DiffusionModel model = network.open(dataset, train, device.get())) {
      NoiseSchedule schedule = model == null ? NoiseSchedule.linear(1000) : model.schedule();
      int[] spaced = spaced(schedule.steps());
      Images seen = some(train);
      Images unseen = some(test);
      try (OptimalDenoiser denoiser = dataset.denoiser(train, schedule, device.get())) {
        NoisePredictor predictor = model == null ? null : model.predictor();
        Noise noise = Noise.philox(seed);
        DenoisingReport report = new DenoisingReport();
        try (ProgressBar bar = Progress.images("Measuring", 0, 2L * count * spaced.length)) {
          for (int t : spaced) {
            report.add("train", DenoisingFigures.of(denoiser, train, seen, predictor, t, noise));
            bar.stepBy(count * 1000L);
            report.add("test", DenoisingFigures.of(denoiser, train, unseen, predictor, t, noise));
            bar.stepBy(count * 1000L);
          }
        }
        report.saveCsv(out.resolve("report.csv"));
        report.savePlots(out.resolve("report.png"));
        SampleSet samples =
            new SampleSet(
                denoiser, train, sampler.of(model, schedule), Math.min(count, MOST_SAMPLES), seed);
        samples.add("optimal", denoiser, denoiser.device());
        if (model != null) {
          samples.add("network", predictor, model.unet().device());
        }
        samples.save(out.resolve("samples.png"));
        System.out.println("wrote the report to " + out);
      }
    }
    return 0;
  }

  /** Timesteps from 0 to the last one. */
  private int[] spaced(int steps) {
    if (timesteps < 2 || timesteps > steps) {
      throw new InvalidArgumentException(
          "number of timesteps is " + timesteps + ", expected 2 to " + steps);
    }
    return IntStream.range(0, timesteps)
        .map(i -> (int) Math.round(i * (steps - 1.0) / (timesteps - 1)))
        .toArray();
  }

  /** Images at random, of the class if one is given. */
  private Images some(ImageDataset data) {
    int[] indices =
        Arrays.stream(data.order(seed))
            .filter(i -> dataset.label == null || data.label(i) == dataset.label)
            .limit(Math.max(0, count))
            .toArray();
    if (count < 1 || indices.length < count) {
      throw new InvalidArgumentException(
          "count is " + count + ", expected 1 to the " + indices.length + " images there are");
    }
    return data.images(indices);
  }
}
