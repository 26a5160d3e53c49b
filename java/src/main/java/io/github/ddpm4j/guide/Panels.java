package io.github.ddpm4j.guide;

import io.github.ddpm4j.image.Images;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * Pictures of one size in rows and columns, with a title, a title for each column and one for each
 * row. Titles may have several lines; cells grow with them, so that nothing is cut off.
 */
final class Panels {
  /** White on all sides of the figure. */
  static final int MARGIN = 10;

  private static final int GAP = 6;
  private static final Font TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 16);
  private static final Font LABEL = new Font(Font.SANS_SERIF, Font.PLAIN, 14);

  private final List<BufferedImage> cells;
  private final String title;
  private final List<String> columns;
  private final List<String> rows;

  private Panels(List<BufferedImage> cells, String title, List<String> columns, List<String> rows) {
    this.cells = cells;
    this.title = title;
    this.columns = columns;
    this.rows = rows;
  }

  /** Cells of any pictures of one size. */
  static Panels of(List<BufferedImage> cells) {
    return new Panels(cells, "", List.of(""), List.of());
  }

  /** Cells of images, each pixel as scale × scale. */
  static Panels of(Images images, int scale) {
    List<BufferedImage> cells = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      cells.add(images.slice(i, 1).grid(1, scale));
    }
    return of(cells);
  }

  /** The whole number of times that images are enlarged to be about so many pixels wide. */
  static int scale(Images images, int pixels) {
    return Math.max(1, Math.round((float) pixels / images.width()));
  }

  Panels title(String title) {
    return new Panels(cells, title, columns, rows);
  }

  /** As many columns as titles; they may be empty. */
  Panels columns(String... titles) {
    return new Panels(cells, title, List.of(titles), rows);
  }

  /** Titles on the left of the rows. */
  Panels rows(String... titles) {
    return new Panels(cells, title, columns, List.of(titles));
  }

  BufferedImage draw() {
    FontMetrics small = metrics(LABEL);
    FontMetrics large = metrics(TITLE);
    int wanted = cells.get(0).getWidth();
    for (String column : columns) {
      wanted = Math.max(wanted, width(small, column));
    }
    int cellWidth = wanted + GAP;
    int tallest = rows.stream().mapToInt(Panels::lines).max().orElse(0) * small.getHeight();
    int cellHeight = Math.max(cells.get(0).getHeight(), tallest) + GAP;
    int left = rows.stream().mapToInt(row -> width(small, row)).max().orElse(-GAP) + GAP;
    int top = lines(title) * large.getHeight() + (title.isEmpty() ? 0 : GAP);
    int header = columns.stream().mapToInt(Panels::lines).max().orElse(0) * small.getHeight();
    int rowCount = (cells.size() + columns.size() - 1) / columns.size();
    int inner = Math.max(left + columns.size() * cellWidth - GAP, width(large, title));
    int height = top + header + (header > 0 ? GAP / 2 : 0) + rowCount * cellHeight - GAP;
    BufferedImage picture =
        new BufferedImage(inner + 2 * MARGIN, height + 2 * MARGIN, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = picture.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, picture.getWidth(), picture.getHeight());
    graphics.setColor(Color.BLACK);
    graphics.setFont(TITLE);
    text(graphics, title, MARGIN + inner / 2, MARGIN);
    graphics.setFont(LABEL);
    // Centred below a title that is wider than all columns.
    int indent = MARGIN + (inner - (left + columns.size() * cellWidth - GAP)) / 2;
    for (int column = 0; column < columns.size(); column++) {
      int centre = indent + left + column * cellWidth + (cellWidth - GAP) / 2;
      int unused = header - lines(columns.get(column)) * small.getHeight();
      text(graphics, columns.get(column), centre, MARGIN + top + unused);
    }
    int firstRow = MARGIN + height - (rowCount * cellHeight - GAP);
    for (int i = 0; i < cells.size(); i++) {
      int row = i / columns.size();
      int y = firstRow + row * cellHeight;
      if (i % columns.size() == 0 && row < rows.size()) {
        String label = rows.get(row);
        int middle = y + (cellHeight - GAP - lines(label) * small.getHeight()) / 2;
        text(graphics, label, indent + (left - GAP) / 2, middle);
      }
      BufferedImage cell = cells.get(i);
      int x = indent + left + i % columns.size() * cellWidth;
      int freeWidth = cellWidth - GAP - cell.getWidth();
      int freeHeight = cellHeight - GAP - cell.getHeight();
      graphics.drawImage(cell, x + freeWidth / 2, y + freeHeight / 2, null);
    }
    graphics.dispose();
    return picture;
  }

  /** Lines of text about a centre, from the top on. */
  private static void text(Graphics2D graphics, String text, int centre, int top) {
    FontMetrics metrics = graphics.getFontMetrics();
    int y = top + metrics.getAscent();
    for (String line : text.split("\n")) {
      graphics.drawString(line, centre - metrics.stringWidth(line) / 2, y);
      y += metrics.getHeight();
    }
  }

  private static int lines(String text) {
    return text.isEmpty() ? 0 : text.split("\n").length;
  }

  private static int width(FontMetrics metrics, String text) {
    int widest = 0;
    for (String line : text.split("\n")) {
      widest = Math.max(widest, metrics.stringWidth(line));
    }
    return widest;
  }

  private static FontMetrics metrics(Font font) {
    return new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB)
        .createGraphics()
        .getFontMetrics(font);
  }
}
