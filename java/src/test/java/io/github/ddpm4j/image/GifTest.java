package io.github.ddpm4j.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.InvalidArgumentException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GifTest {
  private static final String FORMAT = "javax_imageio_gif_image_1.0";

  @TempDir Path folder;

  private static BufferedImage picture(String type, int shade) {
    byte[] palette = {0, 100, (byte) 200, (byte) 255};
    BufferedImage image =
        switch (type) {
          case "indexed" ->
              new BufferedImage(
                  6,
                  4,
                  BufferedImage.TYPE_BYTE_INDEXED,
                  new IndexColorModel(8, 4, palette, palette, palette));
          case "grey" -> new BufferedImage(6, 4, BufferedImage.TYPE_BYTE_GRAY);
          default -> new BufferedImage(6, 4, BufferedImage.TYPE_INT_RGB);
        };
    if (type.equals("grey")) {
      // setRGB would take the shade for sRGB and store a linear one.
      image.getRaster().setSample(2, 3, 0, shade);
    } else {
      image.setRGB(2, 3, 0x010101 * shade);
    }
    return image;
  }

  @ParameterizedTest
  @ValueSource(strings = {"indexed", "grey", "rgb"})
  void framesComeBackWithTheirTimes(String type) throws Exception {
    int[] shades = {0, 100, 200, 255};
    List<Gif.Frame> frames = new ArrayList<>();
    for (int i = 0; i < shades.length; i++) {
      frames.add(new Gif.Frame(picture(type, shades[i]), 120 + 30 * i));
    }
    Path file = folder.resolve("new/moving.gif");
    Gif.write(file, frames);
    ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
    try (ImageInputStream in = ImageIO.createImageInputStream(file.toFile())) {
      reader.setInput(in);
      assertThat(reader.getNumImages(true)).isEqualTo(4);
      for (int i = 0; i < shades.length; i++) {
        IIOMetadataNode metadata = (IIOMetadataNode) reader.getImageMetadata(i).getAsTree(FORMAT);
        IIOMetadataNode control = only(metadata, "GraphicControlExtension");
        assertThat(control.getAttribute("delayTime")).isEqualTo(String.valueOf(12 + 3 * i));
        IIOMetadataNode loop = only(metadata, "ApplicationExtension");
        assertThat(loop.getAttribute("applicationID")).isEqualTo("NETSCAPE");
        assertThat((byte[]) loop.getUserObject()).containsExactly(1, 0, 0);
        BufferedImage read = reader.read(i);
        assertThat(read.getWidth()).isEqualTo(6);
        assertThat(read.getHeight()).isEqualTo(4);
        assertThat(read.getRGB(2, 3)).isEqualTo(0xff000000 | 0x010101 * shades[i]);
        assertThat(read.getRGB(0, 0) & 0xffffff).isZero();
      }
    } finally {
      reader.dispose();
    }
  }

  private static IIOMetadataNode only(IIOMetadataNode root, String name) {
    assertThat(root.getElementsByTagName(name).getLength()).isEqualTo(1);
    return (IIOMetadataNode) root.getElementsByTagName(name).item(0);
  }

  @Test
  void refusesWhatIsNoAnimation() {
    Path file = folder.resolve("x.gif");
    assertThatThrownBy(() -> Gif.write(file, List.of()))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("0 frames");
    assertThatThrownBy(() -> new Gif.Frame(picture("rgb", 1), 9))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("9 ms, expected 10 to 655350");
    Gif.Frame small = new Gif.Frame(picture("rgb", 1), 10);
    Gif.Frame large = new Gif.Frame(new BufferedImage(7, 4, BufferedImage.TYPE_INT_RGB), 10);
    assertThatThrownBy(() -> Gif.write(file, List.of(small, large)))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("7 x 4 pixels, expected those of the first, 6 x 4");
    assertThat(file).doesNotExist();
  }
}
