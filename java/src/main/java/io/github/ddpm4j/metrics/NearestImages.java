package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.optimal.WeightedImage;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Finds the images of a data set that are nearest to others, by Euclidean distance of values in
 * [-1, 1]: whether a sample is new or a copy.
 */
public final class NearestImages {
  /** At any timestep the largest weight is that of the least ‖x_t - √ᾱ_t x_i‖. */
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(1);

  private static final int BATCH = 16;

  private final OptimalDenoiser denoiser;
  private final ImageDataset data;

  /**
   * A neighbour.
   *
   * @param index in the data set
   * @param distance ‖x - x_i‖
   */
  public record Neighbour(int index, double distance) {}

  /**
   * The neighbours among a denoiser's images, which is to stay open.
   *
   * @param data what the denoiser is of, or a class of what
   */
  public NearestImages(OptimalDenoiser denoiser, ImageDataset data) {
    this.denoiser = denoiser.withSchedule(SCHEDULE);
    this.data = data;
  }

  /** The nearest image to each; of equally near ones the first. */
  public Neighbour[] of(Images images) {
    Neighbour[] nearest = new Neighbour[images.count()];
    for (int first = 0; first < nearest.length; first += BATCH) {
      Images batch = images.slice(first, Math.min(BATCH, nearest.length - first));
      try (Scope scope = Scope.open(denoiser.device())) {
        Shape shape = Shape.of(batch.count(), batch.height(), batch.width(), batch.channels());
        Tensor x = scope.tensor(shape, batch.pixels());
        Tensor xt = PointwiseOps.scale(x, (float) SCHEDULE.signal(0));
        WeightedImage[][] best = denoiser.nearest(xt, 0, 1);
        for (int i = 0; i < best.length; i++) {
          int index = best[i][0].index();
          nearest[first + i] = new Neighbour(index, distance(images, first + i, index));
        }
      }
    }
    return nearest;
  }

  /** Distance from image i of some to an image of the data set. */
  double distance(Images images, int i, int index) {
    int size = data.imageSize();
    if (images.pixels().length != images.count() * (long) size) {
      throw new InvalidArgumentException(
          images + " given, expected images of the sizes of " + data);
    }
    float[] other = data.images(index).pixels();
    double sum = 0;
    for (int p = 0; p < size; p++) {
      double d = images.pixels()[i * size + p] - other[p];
      sum += d * d;
    }
    return Math.sqrt(sum);
  }
}
