package io.github.ddpm4j.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.InvalidArgumentException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImagesTest {
  private static final int GAP = 0x808080;

  @TempDir Path folder;

  /** Values that stand for the bytes 0, 1, 2, ... */
  private static Images counting(int count, int height, int width, int channels) {
    float[] pixels = new float[count * height * width * channels];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = i / 127.5f - 1;
    }
    return new Images(count, height, width, channels, pixels);
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 0",
    "1, 255",
    "-5, 0",
    "5, 255",
    "NaN, 0",
    "Infinity, 255",
    "-Infinity, 0",
    // 127.5 and 126.5 halfway between bytes: to the even one.
    "0, 128",
    "-0.007843137, 126"
  })
  void bytesAreRoundedAndClamped(float value, int expected) {
    byte[] bytes = new Images(1, 1, 1, 1, new float[] {value}).bytes();
    assertThat(bytes[0] & 0xff).isEqualTo(expected);
  }

  @Test
  void everyByteComesBack() {
    byte[] bytes = counting(1, 16, 16, 1).bytes();
    for (int i = 0; i < bytes.length; i++) {
      assertThat(bytes[i] & 0xff).isEqualTo(i);
    }
  }

  @Test
  void valuesAndSlicesAreThoseOfTheirImages() {
    Images images = counting(3, 2, 4, 3);
    assertThat(images.get(2, 1, 3, 2)).isEqualTo(images.pixels()[71]);
    assertThat(images.get(1, 0, 2, 1)).isEqualTo(images.pixels()[24 + 7]);
    Images slice = images.slice(1, 2);
    assertThat(slice.count()).isEqualTo(2);
    assertThat(slice.get(0, 1, 0, 2)).isEqualTo(images.get(1, 1, 0, 2));
    assertThat(slice.get(1, 1, 3, 2)).isEqualTo(images.get(2, 1, 3, 2));
  }

  @Test
  void anImageHasItsPixelsInItsColours() {
    BufferedImage colour = counting(2, 2, 3, 3).image(1);
    assertThat(colour.getWidth()).isEqualTo(3);
    assertThat(colour.getHeight()).isEqualTo(2);
    assertThat(colour.getRGB(1, 1) & 0xffffff).isEqualTo(30 << 16 | 31 << 8 | 32);
    BufferedImage grey = counting(2, 2, 3, 1).image(1);
    assertThat(grey.getType()).isEqualTo(BufferedImage.TYPE_BYTE_GRAY);
    assertThat(grey.getRaster().getSample(2, 1, 0)).isEqualTo(11);
  }

  @Test
  void aGridHasGapsBetweenEnlargedImages() {
    BufferedImage grid = counting(5, 2, 2, 3).grid(3, 4);
    assertThat(grid.getWidth()).isEqualTo(3 * 8 + 2 * 2);
    assertThat(grid.getHeight()).isEqualTo(2 * 8 + 2);
    // Image 4 is second in the second row; its last pixel fills a square of 4 × 4.
    int bottomRight = 57 << 16 | 58 << 8 | 59;
    assertThat(grid.getRGB(10 + 7, 10 + 7) & 0xffffff).isEqualTo(bottomRight);
    assertThat(grid.getRGB(10 + 4, 10 + 4) & 0xffffff).isEqualTo(bottomRight);
    assertThat(grid.getRGB(10 + 3, 10 + 4) & 0xffffff).isNotEqualTo(bottomRight);
    assertThat(grid.getRGB(8, 0) & 0xffffff).isEqualTo(GAP);
    assertThat(grid.getRGB(0, 9) & 0xffffff).isEqualTo(GAP);
    // Where a sixth image would be.
    assertThat(grid.getRGB(22, 12) & 0xffffff).isEqualTo(GAP);
  }

  @Test
  void aGridIsAboutSquareAndLegible() {
    BufferedImage grid = counting(10, 28, 28, 1).grid();
    assertThat(grid.getWidth()).isEqualTo(4 * 56 + 3 * 2);
    assertThat(grid.getHeight()).isEqualTo(3 * 56 + 2 * 2);
    assertThat(counting(1, 100, 2, 1).grid().getHeight()).isEqualTo(100);
    // No column stays empty.
    assertThat(counting(2, 4, 4, 1).grid(8, 1).getWidth()).isEqualTo(2 * 4 + 2);
  }

  @Test
  void savedPicturesAreReadBackPixelForPixel() throws IOException {
    Images images = counting(3, 4, 4, 3);
    Path grid = folder.resolve("new/grid.png");
    images.saveGrid(grid, 2, 1);
    assertSame(ImageIO.read(grid.toFile()), images.grid(2, 1));

    Path each = folder.resolve("each");
    images.save(each);
    try (var files = Files.list(each)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("00000.png", "00001.png", "00002.png");
    }
    assertSame(ImageIO.read(each.resolve("00002.png").toFile()), images.image(2));
  }

  private static void assertSame(BufferedImage read, BufferedImage drawn) {
    assertThat(read.getWidth()).isEqualTo(drawn.getWidth());
    assertThat(read.getHeight()).isEqualTo(drawn.getHeight());
    for (int y = 0; y < drawn.getHeight(); y++) {
      for (int x = 0; x < drawn.getWidth(); x++) {
        assertThat(read.getRGB(x, y)).isEqualTo(drawn.getRGB(x, y));
      }
    }
  }

  @Test
  void aFileThatCannotBeWrittenIsNamed() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertThatThrownBy(() -> counting(1, 2, 2, 1).saveGrid(file.resolve("grid.png")))
        .isInstanceOf(DdpmException.class)
        .hasMessageContaining("grid.png")
        .hasCauseInstanceOf(IOException.class);
  }

  @Test
  void refusesWhatIsNoImage() {
    assertThatThrownBy(() -> new Images(1, 2, 2, 1, new float[3]))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("3 pixel values given, expected 4 for [1,2,2,1]");
    assertThatThrownBy(() -> new Images(0, 2, 2, 1, new float[0]))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("count is 0");
    assertThatThrownBy(() -> counting(1, 2, 2, 2).image(0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("2 channels");
    Images images = counting(2, 2, 2, 1);
    assertThatThrownBy(() -> images.get(2, 0, 0, 0)).hasMessage("image is 2, expected 0 to 1");
    assertThatThrownBy(() -> images.get(0, 0, -1, 0)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> images.image(2)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> images.slice(1, 2)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> images.grid(0, 1)).hasMessageContaining("columns is 0");
    assertThatThrownBy(() -> images.grid(1, 0)).hasMessageContaining("scale is 0");
    assertThatThrownBy(() -> images.grid(1, 1 << 20))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("smaller scale");
  }

  @Test
  void quantizedImagesAreThoseOfTheirBytes() {
    Images images = new Images(1, 1, 5, 1, new float[] {-3, -1, 0.001f, 0.5f, 7});
    Images quantized = images.quantized();
    assertThat(quantized.bytes()).isEqualTo(images.bytes());
    assertThat(quantized.pixels()).containsExactly(-1, -1, 128 / 127.5f - 1, 191 / 127.5f - 1, 1);
    assertThat(quantized.quantized().pixels()).isEqualTo(quantized.pixels());
  }
}
