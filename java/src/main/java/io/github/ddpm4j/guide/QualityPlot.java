package io.github.ddpm4j.guide;

import io.github.ddpm4j.metrics.SampleReport.Figures;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;

/** Bars of the figures of several sets of samples. */
final class QualityPlot {
  private static final int WIDTH = 440;
  private static final int HEIGHT = 340;

  private QualityPlot() {}

  /**
   * @param figures by name of the set, in the order to be drawn
   * @param count of images of each
   */
  static BufferedImage draw(Map<String, Figures> figures, int count) {
    BufferedImage both = new BufferedImage(2 * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = both.createGraphics();
    String title = "Fr\u00e9chet distance, " + count + " images";
    graphics.drawImage(bars(title, "classifier's features", figures, Figures::frechet), 0, 0, null);
    graphics.drawImage(
        bars("Confidence above 0.9", "% of the images", figures, row -> 100 * row.sure()),
        WIDTH,
        0,
        null);
    graphics.dispose();
    return both;
  }

  private static BufferedImage bars(
      String title, String axis, Map<String, Figures> figures, ToDoubleFunction<Figures> value) {
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .yAxisTitle(axis)
            .build();
    chart.getStyler().setLegendVisible(false);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
    chart.getStyler().setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    chart.getStyler().setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    chart.getStyler().setYAxisMin(0.0);
    chart.getStyler().setLabelsVisible(true);
    chart.getStyler().setLabelsFont(new Font(Font.SANS_SERIF, Font.BOLD, 12));
    chart.getStyler().setDecimalPattern("0.#");
    chart.getStyler().setAvailableSpaceFill(0.75);
    List<Double> values = new ArrayList<>();
    figures.values().forEach(row -> values.add(value.applyAsDouble(row)));
    chart
        .addSeries("figures", new ArrayList<>(figures.keySet()), values)
        .setFillColor(new Color(110, 160, 220));
    return BitmapEncoder.getBufferedImage(chart);
  }
}
