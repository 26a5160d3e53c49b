package io.github.ddpm4j.cli;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.files.AtomicFile;
import io.github.ddpm4j.metrics.VariationalBound;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.VarianceType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tells how likely a model finds real images. */
@Command(
    name = "likelihood",
    description = {
      "Bound a model's negative log-likelihood of real images, in bits per dimension.",
      "Every timestep of the schedule is visited: on two cores, some three seconds for a digit."
    })
final class LikelihoodCommand implements Callable<Integer> {
  @Mixin private ModelOptions model;
  @Mixin private DatasetOptions dataset;

  @Option(
      names = "--optimal",
      description =
          "Judge the optimal denoiser of the training images, with the model's noise schedule, in"
              + " place of the model.")
  private boolean optimal;

  @Option(names = "--train", description = "Judge by training images. Default: by test images.")
  private boolean train;

  @Option(
      names = {"-n", "--count"},
      defaultValue = "64",
      description = "Number of images, drawn at random. Default: ${DEFAULT-VALUE}.")
  private int count;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Seed of the choice of images and of the noise. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--variance",
      defaultValue = "FIXED_SMALL",
      description =
          "Variance of the reverse process: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private VarianceType variance;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "CSV file of the terms of each timestep.")
  private Path out;

  @Override
  public Integer call() {
    ImageDataset images = dataset.ofClass(train ? dataset.train() : dataset.test());
    int[] indices = Arrays.copyOf(images.order(seed), Math.min(count, images.count()));
    try (DiffusionModel open = model.open()) {
      VariationalBound bound =
          VariationalBound.over(open.schedule()).on(open.unet().device()).variance(variance);
      VariationalBound.Terms terms;
      if (optimal) {
        try (OptimalDenoiser denoiser =
            dataset.denoiser(dataset.train(), open.schedule(), open.unet().device())) {
          terms = evaluate(bound, denoiser, images, indices, open.schedule().steps());
        }
      } else {
        terms = evaluate(bound, open.predictor(), images, indices, open.schedule().steps());
      }
      if (out != null) {
        write(csv(terms));
      }
      print(terms, indices.length);
      return 0;
    }
  }

  private VariationalBound.Terms evaluate(
      VariationalBound bound,
      NoisePredictor predictor,
      ImageDataset images,
      int[] indices,
      int steps) {
    try (ProgressBar bar = Progress.images("Evaluating", 0, indices.length)) {
      return bound.of(
          predictor,
          images,
          indices,
          Noise.philox(seed),
          t -> bar.stepTo(1000L * indices.length * (steps - t) / steps));
    }
  }

  private void write(String text) {
    try {
      AtomicFile.write(out, to -> to.write(text.getBytes(StandardCharsets.US_ASCII)));
    } catch (IOException e) {
      throw new DdpmException("file " + out + " cannot be written: " + e, e);
    }
  }

  private static void print(VariationalBound.Terms terms, int images) {
    double decoder = terms.steps()[0];
    System.out.printf(Locale.ROOT, "%-28s %10d%n", "images", images);
    System.out.printf(
        Locale.ROOT, "%-28s %10.4f%n", "bits per dimension", terms.bitsPerDimension());
    System.out.printf(Locale.ROOT, "%-28s %10.4f%n", "  prior, L_T", terms.prior());
    System.out.printf(
        Locale.ROOT,
        "%-28s %10.4f%n",
        "  steps, L_1 to L_(T-1)",
        terms.bitsPerDimension() - terms.prior() - decoder);
    System.out.printf(Locale.ROOT, "%-28s %10.4f%n", "  decoder, L_0", decoder);
  }

  private static String csv(VariationalBound.Terms terms) {
    StringBuilder rows = new StringBuilder("timestep,bits_per_dimension,x0_error,noise_error\n");
    for (int t = 0; t < terms.steps().length; t++) {
      rows.append(t)
          .append(',')
          .append(terms.steps()[t])
          .append(',')
          .append(terms.x0Error()[t])
          .append(',')
          .append(terms.noiseError()[t])
          .append('\n');
    }
    return rows.toString();
  }
}
