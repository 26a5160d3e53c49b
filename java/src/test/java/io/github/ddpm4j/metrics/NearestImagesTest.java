package io.github.ddpm4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NearestImagesTest {
  private static final int COUNT = 200;
  private static final int SIZE = 4 * 3;

  private final ImageDataset data = randomData();

  private static ImageDataset randomData() {
    byte[] pixels = new byte[COUNT * SIZE];
    byte[] labels = new byte[COUNT];
    Random random = new Random(1);
    random.nextBytes(pixels);
    for (int i = 0; i < COUNT; i++) {
      labels[i] = (byte) (i % 2);
    }
    // Two equal images: the first is to be found.
    System.arraycopy(pixels, 50 * SIZE, pixels, 90 * SIZE, SIZE);
    return new ImageDataset(COUNT, 4, 3, 1, pixels, labels);
  }

  /** More images than fit a batch. */
  private Images randomImages() {
    Random random = new Random(2);
    float[] pixels = new float[37 * SIZE];
    for (int p = 0; p < pixels.length; p++) {
      pixels[p] = 2 * random.nextFloat() - 1;
    }
    return new Images(37, 4, 3, 1, pixels);
  }

  private double distance(Images images, int i, int index) {
    double sum = 0;
    for (int p = 0; p < SIZE; p++) {
      double x = (data.pixels()[index * SIZE + p] & 0xff) / 127.5 - 1;
      sum += Math.pow(images.pixels()[i * SIZE + p] - x, 2);
    }
    return Math.sqrt(sum);
  }

  @Test
  void findsWhatASearchFinds() {
    Images images = randomImages();
    try (OptimalDenoiser denoiser = OptimalDenoiser.over(data)) {
      NearestImages.Neighbour[] nearest = new NearestImages(denoiser, data).of(images);
      for (int i = 0; i < images.count(); i++) {
        int image = i;
        double least =
            IntStream.range(0, COUNT)
                .mapToDouble(j -> distance(images, image, j))
                .min()
                .orElseThrow();
        assertThat(nearest[i].distance()).isCloseTo(least, within(1e-6));
        assertThat(distance(images, i, nearest[i].index())).isCloseTo(least, within(1e-12));
      }
    }
  }

  @Test
  void imagesOfTheDataSetAreTheirOwnNeighbours() {
    try (OptimalDenoiser denoiser = OptimalDenoiser.over(data)) {
      NearestImages.Neighbour[] nearest =
          new NearestImages(denoiser, data).of(data.images(90, 50, 7));
      assertThat(nearest)
          .containsExactly(
              new NearestImages.Neighbour(50, 0),
              new NearestImages.Neighbour(50, 0),
              new NearestImages.Neighbour(7, 0));
    }
  }

  @Test
  void aClassHasNeighboursOfItsOwn() {
    try (OptimalDenoiser denoiser = OptimalDenoiser.over(data)) {
      NearestImages.Neighbour[] nearest =
          new NearestImages(denoiser.withClass(1), data).of(randomImages());
      assertThat(nearest).allMatch(neighbour -> neighbour.index() % 2 == 1);
    }
  }

  @Test
  void otherSizesAreRefused() {
    try (OptimalDenoiser denoiser = OptimalDenoiser.over(data)) {
      NearestImages nearest = new NearestImages(denoiser, data);
      assertThatThrownBy(() -> nearest.of(new Images(1, 3, 4, 1, new float[SIZE])))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("[1,3,4,1]");
    }
  }
}
