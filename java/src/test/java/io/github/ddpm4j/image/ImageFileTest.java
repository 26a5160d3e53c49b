package io.github.ddpm4j.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.DataFormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageFileTest {
  @TempDir Path folder;

  private static Images allBytes(int channels) {
    float[] pixels = new float[16 * 16 * channels];
    for (int p = 0; p < pixels.length; p++) {
      pixels[p] = (p * 7 & 0xff) / 127.5f - 1;
    }
    return new Images(1, 16, 16, channels, pixels);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void readsWhatWasWritten(int channels) {
    Images images = allBytes(channels);
    Path file = folder.resolve("image.png");
    images.saveGrid(file, 1, 1);
    assertThat(ImageFile.read(file, 16, 16, channels).pixels()).isEqualTo(images.pixels());
  }

  @Test
  void aFoldersFilesComeInOrderEachOfItsOwnSizeAndChannels() throws Exception {
    new Images(1, 2, 5, 3, new float[30]).saveGrid(folder.resolve("b.PNG"), 1, 1);
    allBytes(1).saveGrid(folder.resolve("a.png"), 1, 1);
    Files.writeString(folder.resolve("notes.txt"), "no picture");
    List<Path> files = ImageFile.list(folder);
    assertThat(files).containsExactly(folder.resolve("a.png"), folder.resolve("b.PNG"));
    assertThat(ImageFile.read(files.get(0))).hasToString("Images[1,16,16,1]");
    assertThat(ImageFile.read(files.get(0)).pixels()).isEqualTo(allBytes(1).pixels());
    assertThat(ImageFile.read(files.get(1))).hasToString("Images[1,2,5,3]");
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertThatThrownBy(() -> ImageFile.list(empty))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("has no image files");
  }

  @Test
  void coloursBecomeLuma() {
    Path file = folder.resolve("image.png");
    new Images(1, 1, 2, 3, new float[] {1, -1, -1, -1, 1, -1}).saveGrid(file, 1, 1);
    assertThat(ImageFile.read(file, 1, 2, 1).bytes()).containsExactly(76, (byte) 150);
  }

  @Test
  void otherFilesAreRefused() throws Exception {
    Path file = folder.resolve("image.png");
    allBytes(1).saveGrid(file, 1, 1);
    assertThatThrownBy(() -> ImageFile.read(file, 28, 27, 1))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("has 16 x 16 pixels, expected 27 x 28");
    Path text = Files.writeString(folder.resolve("text.png"), "no picture");
    assertThatThrownBy(() -> ImageFile.read(text, 1, 1, 1))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("is not an image");
    assertThatThrownBy(() -> ImageFile.read(folder.resolve("none.png"), 1, 1, 1))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("cannot be read");
  }
}
