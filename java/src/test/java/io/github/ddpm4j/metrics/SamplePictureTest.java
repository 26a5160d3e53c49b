package io.github.ddpm4j.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SamplePictureTest {
  private final ImageDataset data =
      new ImageDataset(2, 2, 2, 1, new byte[] {0, 0, 0, 0, (byte) 200, (byte) 200, 60, 60}, null);

  @TempDir Path folder;

  @Test
  void neighboursStandBelowTheirSamples() throws Exception {
    SamplePicture picture = new SamplePicture(data);
    NearestImages.Neighbour[] nearest = new NearestImages.Neighbour[11];
    Arrays.fill(nearest, new NearestImages.Neighbour(0, 0.25));
    nearest[10] = new NearestImages.Neighbour(1, 1);
    picture.add("optimal", new Images(11, 2, 2, 1, new float[44]), nearest);
    Path file = folder.resolve("new/samples.png");
    picture.save(file);
    BufferedImage image = ImageIO.read(file.toFile());
    int cellHeight = (image.getHeight() - 8) / 4;
    assertThat(grey(image, 10, 10)).isEqualTo(128);
    assertThat(grey(image, 10, cellHeight + 10)).isZero();
    assertThat(grey(image, 10, 3 * cellHeight + 10)).isEqualTo(200);
    assertThat(grey(image, 10, 3 * cellHeight + 80)).isEqualTo(60);
    // The second row of samples has one image.
    assertThat(grey(image, 150, 2 * cellHeight + 10)).isEqualTo(255);
  }

  private static int grey(BufferedImage image, int x, int y) {
    return image.getRaster().getSample(x, y, 0);
  }

  @Test
  void refusesWhatDoesNotFit() {
    SamplePicture picture = new SamplePicture(data);
    assertThatThrownBy(() -> picture.save(folder.resolve("x.png")))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("0 samples given, expected at least 1");
    assertThatThrownBy(
            () ->
                picture.add(
                    "a", new Images(1, 2, 2, 1, new float[4]), new NearestImages.Neighbour[2]))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("1 samples and 2 neighbours given, expected 1");
  }
}
