package io.github.ddpm4j.metrics;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.CaptionedGrid;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.image.Png;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A picture of samples, each above the image of a data set that is nearest to it. */
public final class SamplePicture {
  private static final int COLUMNS = 10;
  private static final float WHITE = 1;

  private final ImageDataset data;
  private final List<Strip> strips = new ArrayList<>();

  /** Samples of one model with their neighbours. */
  private record Strip(String name, Images samples, NearestImages.Neighbour[] nearest) {}

  /**
   * @param data the data set of the neighbours
   */
  public SamplePicture(ImageDataset data) {
    this.data = data;
  }

  /**
   * Adds samples of a model: as many as of others, so that those of the same noise stand together.
   *
   * @param name of the model, short
   * @param nearest of each sample
   */
  public void add(String name, Images samples, NearestImages.Neighbour[] nearest) {
    int expected = strips.isEmpty() ? samples.count() : strips.get(0).samples().count();
    if (samples.count() != expected || nearest.length != expected) {
      throw new InvalidArgumentException(
          samples.count()
              + " samples and "
              + nearest.length
              + " neighbours given, expected "
              + expected);
    }
    strips.add(new Strip(name, samples, nearest));
  }

  /**
   * The picture. Below each neighbour stand its index and its distance, for values in [-1, 1].
   *
   * @throws InvalidArgumentException if there are no samples
   */
  public BufferedImage draw() {
    if (strips.isEmpty()) {
      throw new InvalidArgumentException("0 samples given, expected at least 1");
    }
    int count = strips.get(0).samples().count();
    int columns = Math.min(COLUMNS, count);
    int blocks = (count + columns - 1) / columns;
    int size = data.imageSize();
    int cells = blocks * strips.size() * 2 * columns;
    float[] pixels = new float[Math.multiplyExact(cells, size)];
    Arrays.fill(pixels, WHITE);
    String[] captions = new String[cells];
    Arrays.fill(captions, "");
    int row = 0;
    for (int first = 0; first < count; first += columns) {
      for (Strip strip : strips) {
        for (int i = first; i < Math.min(first + columns, count); i++) {
          int above = row * columns + i - first;
          int below = above + columns;
          System.arraycopy(strip.samples().pixels(), i * size, pixels, above * size, size);
          captions[above] = strip.name();
          NearestImages.Neighbour neighbour = strip.nearest()[i];
          float[] image = data.images(neighbour.index()).pixels();
          System.arraycopy(image, 0, pixels, below * size, size);
          captions[below] =
              String.format(Locale.ROOT, "#%d  %.2f", neighbour.index(), neighbour.distance());
        }
        row += 2;
      }
    }
    return CaptionedGrid.draw(
        new Images(cells, data.height(), data.width(), data.channels(), pixels),
        List.of(captions),
        columns);
  }

  /** Writes {@link #draw} as a PNG file; missing parent folders are made. */
  public void save(Path file) {
    Png.write(file, draw());
  }
}
