package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.image.Images;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Draws images and writes them as one picture. */
@Command(name = "sample", description = "Draw images from a model and write them as a grid.")
final class SampleCommand implements Callable<Integer> {
  @Mixin private ModelOptions model;
  @Mixin private SamplerOptions sampler;

  @Option(
      names = {"-n", "--count"},
      defaultValue = "64",
      description = "Number of images. Default: ${DEFAULT-VALUE}.")
  private int count;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "The same seed gives the same images. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--out",
      defaultValue = "samples.png",
      paramLabel = "FILE",
      description = "PNG file of the grid. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Option(
      names = "--columns",
      paramLabel = "N",
      description = "Images in a row. Default: a square grid.")
  private Integer columns;

  @Option(
      names = "--scale",
      defaultValue = "2",
      description = "Size of a pixel in the picture. Default: ${DEFAULT-VALUE}.")
  private int scale;

  @Override
  public Integer call() {
    try (DiffusionModel open = model.open()) {
      Images images = Progress.sample(open, sampler.of(open), count, seed);
      images.saveGrid(out, columns == null ? (int) Math.ceil(Math.sqrt(count)) : columns, scale);
      System.out.println("wrote " + images.count() + " images to " + out);
      return 0;
    }
  }
}
