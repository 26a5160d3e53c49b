package io.github.ddpm4j.train;

import io.github.ddpm4j.image.Png;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Picture of a training run's loss: every step and a mean of many, at the middle of its steps, on a
 * logarithmic axis.
 */
public final class LossPlot {
  /** More points than pixels add nothing. */
  private static final int MOST_POINTS = 2000;

  /** Steps of a mean: many, but not most of a short run. */
  private static final int MOST_AVERAGED = 100;

  private static final int LEAST_MEANS = 20;
  private static final int TICK_PIXELS = 100;

  private LossPlot() {}

  /**
   * The picture of a run.
   *
   * @param folder of the run, with its {@code loss.csv}
   * @throws io.github.ddpm4j.DataFormatException if that is missing or holds no losses
   */
  public static BufferedImage ofRun(Path folder) {
    return draw(LossLog.read(folder.resolve(TrainingRun.LOSSES)));
  }

  static void save(Path file, double[] losses) {
    Png.write(file, draw(losses));
  }

  /**
   * @param losses of all steps, at least one
   */
  private static BufferedImage draw(double[] losses) {
    int averaged = Math.max(1, Math.min(MOST_AVERAGED, losses.length / LEAST_MEANS));
    double[] sums = new double[losses.length + 1];
    for (int i = 0; i < losses.length; i++) {
      sums[i + 1] = sums[i] + losses[i];
    }
    int stride = (losses.length + MOST_POINTS - 1) / MOST_POINTS;
    int points = (losses.length + stride - 1) / stride;
    double[] steps = new double[points];
    double[] means = new double[points];
    double[] centres = new double[points];
    double[] averages = new double[points];
    for (int point = 0; point < points; point++) {
      int end = Math.min((point + 1) * stride, losses.length);
      steps[point] = end;
      means[point] = mean(sums, point * stride, end);
      int first = Math.max(0, end - averaged);
      centres[point] = (first + 1 + end) / 2.0;
      averages[point] = mean(sums, first, end);
    }
    XYChart chart =
        new XYChartBuilder()
            .width(900)
            .height(500)
            .title("Training loss")
            .xAxisTitle("step")
            .yAxisTitle("mean squared error")
            .build();
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setXAxisMin(0.0);
    chart.getStyler().setXAxisTickMarkSpacingHint(TICK_PIXELS);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart
        .addSeries("step", steps, means)
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(new Color(170, 190, 220))
        .setLineStyle(new BasicStroke(1));
    chart
        .addSeries("mean of " + averaged + (averaged == 1 ? " step" : " steps"), centres, averages)
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(new Color(20, 60, 140))
        .setLineStyle(new BasicStroke(2));
    return BitmapEncoder.getBufferedImage(chart);
  }

  /** Mean of the numbers from first to before end, by the sums of all before each. */
  private static double mean(double[] sums, int first, int end) {
    return (sums[end] - sums[first]) / (end - first);
  }
}
