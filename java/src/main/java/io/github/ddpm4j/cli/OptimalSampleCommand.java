package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Draws images from an optimal denoiser and shows where they come from. */
@Command(
    name = "sample",
    description =
        "Draw images with the optimal denoiser, and with a network from the same noise; write each"
            + " above the nearest training image, with the distance.")
final class OptimalSampleCommand implements Callable<Integer> {
  @Mixin private DatasetOptions dataset;
  @Mixin private DeviceOption device;
  @Mixin private DenoiserOptions denoisers;
  @Mixin private NetworkOptions network;
  @Mixin private SamplerOptions sampler;

  @Option(
      names = {"-n", "--count"},
      defaultValue = "20",
      description = "Number of images. Default: ${DEFAULT-VALUE}.")
  private int count;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "The same seed gives the same images. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--out",
      defaultValue = "optimal.png",
      paramLabel = "FILE",
      description = "PNG file to write. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Override
  public Integer call() {
    ImageDataset train = dataset.train();
    try (DiffusionModel model = network.open(dataset, train, device.get())) {
      NoiseSchedule schedule = model == null ? NoiseSchedule.linear(1000) : model.schedule();
      try (OptimalDenoiser denoiser = dataset.denoiser(train, schedule, device.get())) {
        SampleSet samples =
            new SampleSet(denoiser, train, sampler.of(model, schedule), count, seed);
        for (DenoiserOptions.Kind kind : denoisers.kinds) {
          String name = kind.name().toLowerCase(Locale.ROOT);
          denoisers.with(
              kind,
              denoiser,
              dataset.ofClass(train),
              (predictor, where) -> samples.add(name, predictor, where));
        }
        if (model != null) {
          samples.add("network", model.predictor(), model.unet().device());
        }
        samples.save(out);
        System.out.println("wrote the samples to " + out);
      }
    }
    return 0;
  }
}
