package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.optimal.GaussianDenoiser;
import io.github.ddpm4j.optimal.LocalDenoiser;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.optimal.PatchPosteriorDenoiser;
import io.github.ddpm4j.optimal.SmoothedDenoiser;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.BiConsumer;
import picocli.CommandLine.Option;

/** Which denoisers of a data set to sample from. */
final class DenoiserOptions {
  enum Kind {
    OPTIMAL,
    GAUSSIAN,
    SMOOTHED,
    LOCAL,
    EQUIVARIANT,
    PATCHES
  }

  @Option(
      names = "--denoiser",
      split = ",",
      defaultValue = "OPTIMAL",
      description =
          "One or more of ${COMPLETION-CANDIDATES}, with commas between: the optimal denoiser, that"
              + " of a normal distribution with the data's mean and covariance, a smoothed one,"
              + " local and equivariant local score machine, patch posterior composite. Those of"
              + " patches need much memory: see --images. Default: ${DEFAULT-VALUE}.")
  Set<Kind> kinds = new LinkedHashSet<>();

  @Option(
      names = "--patch-size",
      defaultValue = "7",
      paramLabel = "P",
      description = "Height and width of the patches. Default: ${DEFAULT-VALUE}.")
  private int patchSize;

  @Option(
      names = "--smoothing",
      defaultValue = "1",
      paramLabel = "S",
      description =
          "Standard deviation of the smoothed denoiser's perturbations. Default: ${DEFAULT-VALUE}.")
  private double smoothing;

  @Option(
      names = "--perturbations",
      defaultValue = "4",
      paramLabel = "M",
      description = "Number of the smoothed denoiser's perturbations. Default: ${DEFAULT-VALUE}.")
  private int perturbations;

  /**
   * Has something done with a denoiser, which is closed afterwards, on its device: the optimal and
   * the smoothed one's is the optimal one's, the others' the CPU.
   *
   * @param images the data set, or the part of it that the optimal denoiser is of
   */
  void with(
      Kind kind,
      OptimalDenoiser optimal,
      ImageDataset images,
      BiConsumer<NoisePredictor, Device> use) {
    NoiseSchedule schedule = optimal.schedule();
    switch (kind) {
      case OPTIMAL -> use.accept(optimal, optimal.device());
      case SMOOTHED ->
          use.accept(SmoothedDenoiser.of(optimal, smoothing, perturbations, 0), optimal.device());
      case GAUSSIAN -> {
        try (GaussianDenoiser gaussian = GaussianDenoiser.over(images, schedule)) {
          use.accept(gaussian, Device.cpu());
        }
      }
      case LOCAL -> {
        try (LocalDenoiser local = LocalDenoiser.over(images, schedule, patchSize)) {
          use.accept(local, Device.cpu());
        }
      }
      case EQUIVARIANT -> {
        try (LocalDenoiser local = LocalDenoiser.equivariant(images, schedule, patchSize)) {
          use.accept(local, Device.cpu());
        }
      }
      case PATCHES -> {
        try (PatchPosteriorDenoiser patches =
            PatchPosteriorDenoiser.over(images, schedule, patchSize)) {
          use.accept(patches, Device.cpu());
        }
      }
    }
  }
}
