package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.NearestImages;
import io.github.ddpm4j.metrics.SamplePicture;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * Samples of several predictors from the same noise, and their distances to the training images.
 */
final class SampleSet {
  private final OptimalDenoiser denoiser;
  private final NearestImages nearest;
  private final SamplePicture picture;
  private final Shape image;
  private final Sampler sampler;
  private final int count;
  private final long seed;

  /**
   * @param denoiser finds the nearest of its images
   * @param train what the denoiser is of
   */
  SampleSet(OptimalDenoiser denoiser, ImageDataset train, Sampler sampler, int count, long seed) {
    this.denoiser = denoiser;
    this.nearest = new NearestImages(denoiser, train);
    this.picture = new SamplePicture(train);
    this.image = Shape.of(train.height(), train.width(), train.channels());
    this.sampler = sampler;
    this.count = count;
    this.seed = seed;
  }

  /** Draws samples of a predictor on a device and prints their distances. */
  void add(String name, NoisePredictor predictor, Device device) {
    Images samples =
        Progress.sample(predictor, denoiser.schedule(), image, sampler, count, seed, device);
    NearestImages.Neighbour[] neighbours = nearest.of(samples);
    picture.add(name, samples, neighbours);
    double[] distances =
        Arrays.stream(neighbours).mapToDouble(NearestImages.Neighbour::distance).sorted().toArray();
    System.out.printf(
        Locale.ROOT,
        "%-11s distance to the nearest training image: %.3f median, %.3f to %.3f%n",
        name,
        distances[distances.length / 2],
        distances[0],
        distances[distances.length - 1]);
  }

  /** Writes the picture. */
  void save(Path file) {
    picture.save(file);
  }
}
