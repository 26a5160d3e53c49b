package io.github.ddpm4j.guide;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.image.Images;
import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PanelsTest {
  private static final int WHITE = 0xffffff;

  /** Antialiasing may spill over a letter's box. */
  private static final int BORDER = Panels.MARGIN - 2;

  private static Images shades(int count) {
    float[] pixels = new float[count * 4];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = i / 4 / 127.5f - 1;
    }
    return new Images(count, 2, 2, 1, pixels);
  }

  @Test
  void cellsStandRowByRow() {
    BufferedImage picture = Panels.of(shades(6), 10).columns("", "", "").draw();
    assertThat(picture.getWidth()).isEqualTo(2 * Panels.MARGIN + 3 * 20 + 2 * 6);
    assertThat(picture.getHeight()).isEqualTo(2 * Panels.MARGIN + 2 * 20 + 6);
    for (int i = 0; i < 6; i++) {
      int x = Panels.MARGIN + i % 3 * 26;
      int y = Panels.MARGIN + i / 3 * 26;
      assertThat(picture.getRGB(x, y) & 0xff).isEqualTo(i);
      assertThat(picture.getRGB(x + 19, y + 19) & 0xff).isEqualTo(i);
      assertThat(picture.getRGB(x + 20, y) & WHITE).isEqualTo(WHITE);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "a title that is much wider than all of the small cells together, c, r",
    "'', a column's title wider than its cell, r",
    "'', c, a long title of a row",
    "'two\nlines', 'of any\nkind', 'here and\nthere'"
  })
  void titlesAreWhollyInThePicture(String title, String column, String row) {
    Panels plain = Panels.of(shades(4), 10);
    BufferedImage picture = plain.title(title).columns(column, column).rows(row, row).draw();
    int width = picture.getWidth();
    int height = picture.getHeight();
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        boolean border = Math.min(Math.min(x, y), Math.min(width - 1 - x, height - 1 - y)) < BORDER;
        if (border) {
          assertThat(picture.getRGB(x, y) & WHITE).as("%d, %d", x, y).isEqualTo(WHITE);
        }
      }
    }
    // What is not cell is text: more of it than without the titles, which is none.
    assertThat(ink(picture)).isGreaterThan(ink(plain.columns("", "").draw()) + 20);
  }

  private static int ink(BufferedImage picture) {
    int ink = 0;
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        ink += (picture.getRGB(x, y) & WHITE) == WHITE ? 0 : 1;
      }
    }
    return ink;
  }
}
