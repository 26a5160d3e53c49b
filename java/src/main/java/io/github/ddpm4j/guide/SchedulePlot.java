package io.github.ddpm4j.guide;

import io.github.ddpm4j.schedule.NoiseSchedule;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Small plots of β_t. */
final class SchedulePlot {
  private static final int WIDTH = 280;
  private static final int TICK_PIXELS = 90;
  private static final int VERTICAL_TICK_PIXELS = 30;

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

  private static BufferedImage plot(Named named, int height) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(height)
            .title(named.name() + ": \u03b2\u209c")
            .xAxisTitle("timestep t")
            .build();
    chart.getStyler().setLegendVisible(false);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
    chart.getStyler().setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    chart.getStyler().setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    chart.getStyler().setXAxisTickMarkSpacingHint(TICK_PIXELS);
    chart.getStyler().setYAxisTickMarkSpacingHint(VERTICAL_TICK_PIXELS);
    chart.getStyler().setYAxisDecimalPattern("0.###");
    chart.getStyler().setXAxisMin(0.0).setXAxisMax((double) named.schedule().steps());
    chart.getStyler().setYAxisMin(0.0).setYAxisMax(most(named.schedule()));
    double[] t = IntStream.range(0, named.schedule().steps()).asDoubleStream().toArray();
    chart
        .addSeries(named.name(), t, named.schedule().betas())
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(new Color(20, 60, 140));
    return BitmapEncoder.getBufferedImage(chart);
  }

  /** The end of the axis: the largest β, rounded up to one digit. */
  private static double most(NoiseSchedule schedule) {
    double largest = Arrays.stream(schedule.betas()).max().orElseThrow();
    double digit = Math.pow(10, Math.floor(Math.log10(largest)));
    // Not 0.03 for a largest β of 0.02 and a rounding error.
    return Math.ceil(largest / digit - 1e-9) * digit;
  }
}
