package io.github.ddpm4j.guide;

import io.github.ddpm4j.image.ImageFile;
import io.github.ddpm4j.image.Images;
import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.Polygon;
import java.awt.RadialGradientPaint;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.nio.file.Path;

/** The picture that the guide's first part turns into noise and back. */
public final class Scene {
  /** Height and width of the picture: small, for noise of single pixels to be seen. */
  public static final int SIZE = 64;

  /** Drawn large, then reduced, so that edges are smooth. */
  private static final int DRAWN = 8 * SIZE;

  private static final int HORIZON = 300;

  private Scene() {}

  /** A drawn one that needs no file: a lake between mountains at sunset. */
  public static Images drawn() {
    BufferedImage canvas = new BufferedImage(DRAWN, DRAWN, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = canvas.createGraphics();
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    sky(graphics);
    ridge(
        graphics, new Color(124, 86, 130), 0, 250, 70, 190, 150, 262, 260, 205, 350, 268, 512, 200);
    ridge(
        graphics, new Color(84, 62, 112), 0, 215, 90, 275, 190, 222, 300, 285, 420, 190, 512, 262);
    lake(graphics, canvas);
    ridge(graphics, new Color(24, 44, 52), 0, 440, 130, 462, 260, 500, 380, 480, 512, 450);
    int[][] trees = {
      {36, 452, 150}, {88, 468, 190}, {140, 478, 110}, {430, 482, 130}, {478, 470, 180}
    };
    for (int[] tree : trees) {
      tree(graphics, tree[0], tree[1], tree[2]);
    }
    graphics.dispose();
    return square(Images.of(canvas, 3));
  }

  /**
   * The middle of a file's picture, in colour.
   *
   * @param file PNG, JPEG, GIF or BMP of any size
   * @throws io.github.ddpm4j.DataFormatException if it cannot be read
   */
  public static Images read(Path file) {
    return square(ImageFile.read(file, 3));
  }

  private static void sky(Graphics2D graphics) {
    graphics.setPaint(
        new GradientPaint(0, 0, new Color(38, 60, 128), 0, 170, new Color(222, 120, 130)));
    graphics.fillRect(0, 0, DRAWN, 170);
    graphics.setPaint(
        new GradientPaint(0, 170, new Color(222, 120, 130), 0, HORIZON, new Color(255, 214, 130)));
    graphics.fillRect(0, 170, DRAWN, HORIZON - 170);
    Color[] glow = {new Color(255, 244, 200, 230), new Color(255, 220, 140, 0)};
    graphics.setPaint(new RadialGradientPaint(310, 150, 170, new float[] {0, 1}, glow));
    graphics.fillRect(0, 0, DRAWN, HORIZON);
    graphics.setColor(new Color(255, 250, 225));
    graphics.fillOval(310 - 44, 150 - 44, 88, 88);
  }

  /** The shape below a line through points x, y, x, y, ... from the left edge to the right. */
  private static void ridge(Graphics2D graphics, Color colour, int... points) {
    Polygon shape = new Polygon();
    for (int i = 0; i < points.length; i += 2) {
      shape.addPoint(points[i], points[i + 1]);
    }
    shape.addPoint(DRAWN, DRAWN);
    shape.addPoint(0, DRAWN);
    graphics.setColor(colour);
    graphics.fill(shape);
  }

  /** What is above the horizon upside down, bluer with depth, with streaks of light. */
  private static void lake(Graphics2D graphics, BufferedImage canvas) {
    int depth = DRAWN - HORIZON;
    graphics.drawImage(canvas, 0, HORIZON, DRAWN, DRAWN, 0, HORIZON, DRAWN, HORIZON - depth, null);
    graphics.setPaint(
        new GradientPaint(
            0, HORIZON, new Color(50, 80, 120, 60), 0, DRAWN, new Color(12, 40, 80, 235)));
    graphics.fillRect(0, HORIZON, DRAWN, depth);
    for (int i = 0; i < 7; i++) {
      int half = 62 - 5 * i;
      graphics.setColor(new Color(255, 236, 180, 170 - 14 * i));
      graphics.fillRoundRect(310 - half + i % 2 * 16, HORIZON + 14 + 20 * i, 2 * half, 7, 7, 7);
    }
  }

  private static void tree(Graphics2D graphics, int x, int foot, int height) {
    graphics.setColor(new Color(16, 34, 40));
    for (int i = 0; i < 4; i++) {
      int top = foot - height + i * height / 5;
      int half = 10 + i * height / 16;
      graphics.fillPolygon(
          new int[] {x, x - half, x + half},
          new int[] {top, top + height / 3, top + height / 3},
          3);
    }
    graphics.fillRect(x - 4, foot - height / 4, 8, height / 2);
  }

  /** The mean colours of the middle square's SIZE × SIZE fields. */
  private static Images square(Images image) {
    int side = Math.min(image.width(), image.height());
    int left = (image.width() - side) / 2;
    int top = (image.height() - side) / 2;
    float[] pixels = new float[SIZE * SIZE * 3];
    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        int x0 = x * side / SIZE;
        int y0 = y * side / SIZE;
        int x1 = Math.max(x0 + 1, (x + 1) * side / SIZE);
        int y1 = Math.max(y0 + 1, (y + 1) * side / SIZE);
        for (int c = 0; c < 3; c++) {
          double sum = 0;
          for (int v = y0; v < y1; v++) {
            for (int u = x0; u < x1; u++) {
              sum += image.get(0, top + v, left + u, c);
            }
          }
          pixels[(y * SIZE + x) * 3 + c] = (float) (sum / ((x1 - x0) * (y1 - y0)));
        }
      }
    }
    return new Images(1, SIZE, SIZE, 3, pixels);
  }
}
