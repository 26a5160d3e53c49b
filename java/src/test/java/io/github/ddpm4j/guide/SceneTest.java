package io.github.ddpm4j.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.image.Png;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SceneTest {
  @TempDir Path folder;

  @Test
  void theDrawnOneHasASkyWithASunAboveDarkTrees() {
    Images scene = Scene.drawn();
    assertThat(scene.toString()).isEqualTo("Images[1,64,64,3]");
    for (float value : scene.pixels()) {
      assertThat(value).isBetween(-1f, 1f);
    }
    // Blue above, a white sun, dark below.
    assertThat(scene.get(0, 0, 5, 2)).isGreaterThan(scene.get(0, 0, 5, 0) + 0.3f);
    assertThat(scene.get(0, 18, 38, 0)).isGreaterThan(0.9f);
    assertThat(scene.get(0, 62, 10, 0)).isLessThan(-0.6f);
    assertThat(Scene.drawn().pixels()).isEqualTo(scene.pixels());
  }

  @ParameterizedTest
  @CsvSource({"300, 100", "100, 300", "10, 10", "64, 64", "1000, 999"})
  void aFilesMiddleIsTaken(int width, int height) {
    BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = picture.createGraphics();
    int side = Math.min(width, height);
    graphics.setColor(Color.RED);
    graphics.fillRect((width - side) / 2, (height - side) / 2, side, side);
    graphics.setColor(Color.BLUE);
    graphics.fillRect((width - side) / 2, (height - side) / 2, side / 2, side);
    graphics.dispose();
    Path file = folder.resolve("p.png");
    Png.write(file, picture);
    Images scene = Scene.read(file);
    for (int y = 0; y < 64; y += 9) {
      assertThat(scene.get(0, y, 0, 2)).isCloseTo(1, within(1e-6f));
      assertThat(scene.get(0, y, 30, 2)).isCloseTo(1, within(1e-6f));
      assertThat(scene.get(0, y, 33, 0)).isCloseTo(1, within(1e-6f));
      assertThat(scene.get(0, y, 63, 0)).isCloseTo(1, within(1e-6f));
    }
  }

  @Test
  void otherFilesAreRefused() throws Exception {
    Path text = Files.writeString(folder.resolve("text.png"), "no picture");
    assertThatThrownBy(() -> Scene.read(text))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("is not an image");
  }
}
