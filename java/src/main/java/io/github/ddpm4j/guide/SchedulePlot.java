package io.github.ddpm4j.guide;

import io.github.ddpm4j.schedule.NoiseSchedule;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Small plots of β_t. */
final class SchedulePlot {
  private static final int WIDTH = 230;
  private static final int LEFT = 56;
  private static final int RIGHT = 18;
  private static final int TOP = 44;
  private static final int BOTTOM = 36;
  private static final Color GRID = new Color(222, 222, 222);
  private static final Color LINE = new Color(20, 60, 140);
  private static final DecimalFormatSymbols SYMBOLS = DecimalFormatSymbols.getInstance(Locale.ROOT);

  private SchedulePlot() {}

  record Named(String name, NoiseSchedule schedule) {}

  static List<Named> all(int steps) {
    return List.of(
        new Named("linear", NoiseSchedule.linear(steps)),
        new Named("quadratic", NoiseSchedule.quadratic(steps)),
        new Named("sigmoid", NoiseSchedule.sigmoid(steps)),
        new Named("cosine", NoiseSchedule.cosine(steps)));
  }

  /** Timestep, and what is left of the image. */
  static String caption(NoiseSchedule schedule, int t) {
    return String.format(Locale.ROOT, "t = %d%n\u221a\u03b1\u0305 = %.3f", t, schedule.signal(t));
  }

  /** The plot of a schedule with samples on its right, of the same height. */
  static BufferedImage beside(Named named, BufferedImage samples) {
    BufferedImage plot = plot(named, samples.getHeight());
    BufferedImage both =
        new BufferedImage(
            WIDTH + samples.getWidth(), samples.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = both.createGraphics();
    graphics.drawImage(plot, 0, 0, null);
    graphics.drawImage(samples, WIDTH, 0, null);
    graphics.dispose();
    return both;
  }

  /** β over the timesteps, on axes of their own. */
  private static BufferedImage plot(Named named, int height) {
    double[] betas = named.schedule().betas();
    double most = most(betas);
    BufferedImage picture = new BufferedImage(WIDTH, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = picture.createGraphics();
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, WIDTH, height);
    graphics.setColor(Color.BLACK);
    int plotWidth = WIDTH - LEFT - RIGHT;
    int plotHeight = height - TOP - BOTTOM;
    graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
    centred(graphics, named.name() + ": \u03b2\u209c", LEFT + plotWidth / 2, TOP - 10);
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    for (int tick = 0; tick <= 2; tick++) {
      int y = TOP + plotHeight - tick * plotHeight / 2;
      int x = LEFT + tick * plotWidth / 2;
      graphics.setColor(GRID);
      graphics.drawLine(LEFT, y, LEFT + plotWidth, y);
      graphics.drawLine(x, TOP, x, TOP + plotHeight);
      graphics.setColor(Color.BLACK);
      String label = new DecimalFormat("0.####", SYMBOLS).format(tick * most / 2);
      int labelWidth = graphics.getFontMetrics().stringWidth(label);
      graphics.drawString(label, LEFT - labelWidth - 6, y + 4);
      centred(graphics, Integer.toString(tick * betas.length / 2), x, TOP + plotHeight + 16);
    }
    centred(graphics, "t", LEFT + plotWidth * 3 / 4, TOP + plotHeight + 16);
    Path2D line = new Path2D.Double();
    for (int t = 0; t < betas.length; t++) {
      double x = LEFT + plotWidth * (double) t / betas.length;
      double y = TOP + plotHeight * (1 - betas[t] / most);
      if (t == 0) {
        line.moveTo(x, y);
      } else {
        line.lineTo(x, y);
      }
    }
    graphics.setColor(LINE);
    graphics.setStroke(new BasicStroke(2.5f));
    graphics.draw(line);
    graphics.dispose();
    return picture;
  }

  private static void centred(Graphics2D graphics, String text, int x, int y) {
    graphics.drawString(text, x - graphics.getFontMetrics().stringWidth(text) / 2, y);
  }

  /** The end of the axis: the largest β, rounded up to one digit. */
  private static double most(double[] betas) {
    double largest = Arrays.stream(betas).max().orElseThrow();
    double digit = Math.pow(10, Math.floor(Math.log10(largest)));
    // Not 0.03 for a largest β of 0.02 and a rounding error.
    return Math.ceil(largest / digit - 1e-9) * digit;
  }
}
