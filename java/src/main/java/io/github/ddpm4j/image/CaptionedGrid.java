package io.github.ddpm4j.image;

import io.github.ddpm4j.InvalidArgumentException;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;

/** Draws images side by side, each with a line of text below. */
public final class CaptionedGrid {
  private static final int MARGIN = 8;
  private static final int LEGIBLE_SIZE = 84;
  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);

  private CaptionedGrid() {}

  /**
   * A picture of all images, row by row, on white.
   *
   * @param captions one for each image; an empty one leaves its line blank
   * @param columns images in a row, at least 1
   * @throws InvalidArgumentException if there are neither 1 nor 3 channels
   */
  public static BufferedImage draw(Images images, List<String> captions, int columns) {
    if (captions.size() != images.count() || columns < 1) {
      throw new InvalidArgumentException(
          captions.size()
              + " captions and "
              + columns
              + " columns given, expected "
              + images.count()
              + " and at least 1");
    }
    int scale = Math.max(1, Math.round((float) LEGIBLE_SIZE / images.width()));
    int width = images.width() * scale;
    int height = images.height() * scale;
    FontMetrics metrics =
        new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics().getFontMetrics(FONT);
    int cellWidth = width + MARGIN;
    int cellHeight = height + metrics.getHeight() + MARGIN;
    int used = Math.min(columns, images.count());
    int rows = (images.count() + used - 1) / used;
    BufferedImage picture =
        new BufferedImage(
            used * cellWidth + MARGIN, rows * cellHeight + MARGIN, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = picture.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, picture.getWidth(), picture.getHeight());
    graphics.setColor(Color.BLACK);
    graphics.setFont(FONT);
    for (int i = 0; i < images.count(); i++) {
      int x = MARGIN + i % used * cellWidth;
      int y = MARGIN + i / used * cellHeight;
      graphics.drawImage(images.slice(i, 1).grid(1, scale), x, y, null);
      String caption = captions.get(i);
      int start = x + (width - metrics.stringWidth(caption)) / 2;
      graphics.drawString(caption, start, y + height + metrics.getAscent());
    }
    graphics.dispose();
    return picture;
  }

  /** Writes {@link #draw} as a PNG file; missing parent folders are made. */
  public static void save(Path file, Images images, List<String> captions, int columns) {
    Png.write(file, draw(images, captions, columns));
  }
}
