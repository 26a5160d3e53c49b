package io.github.ddpm4j.train;

import io.github.ddpm4j.image.Png;
import java.awt.BasicStroke;
import java.awt.Color;
import java.nio.file.Path;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Picture of a training run's loss: every step and a moving average, on a logarithmic axis. */
final class LossPlot {
  /** More points than pixels add nothing. */
  private static final int MOST_POINTS = 2000;

  private LossPlot() {}

  static void save(Path file, double[] losses) {
    int stride = (losses.length + MOST_POINTS - 1) / MOST_POINTS;
    int points = (losses.length + stride - 1) / stride;
    double[] steps = new double[points];
    double[] means = new double[points];
    double[] averages = new double[points];
    double average = losses[0];
    for (int point = 0; point < points; point++) {
      int end = Math.min((point + 1) * stride, losses.length);
      double sum = 0;
      for (int i = point * stride; i < end; i++) {
        sum += losses[i];
        average += (losses[i] - average) * Math.max(0.01, 1.0 / (i + 1));
      }
      steps[point] = end;
      means[point] = sum / (end - point * stride);
      averages[point] = average;
    }
    XYChart chart =
        new XYChartBuilder()
            .width(900)
            .height(500)
            .title("Training loss")
            .xAxisTitle("step")
            .yAxisTitle("mean squared error of the predicted noise")
            .build();
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart
        .addSeries("step", steps, means)
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(new Color(170, 190, 220))
        .setLineStyle(new BasicStroke(1));
    chart
        .addSeries("moving average of 100 steps", steps, averages)
        .setMarker(SeriesMarkers.NONE)
        .setLineColor(new Color(20, 60, 140))
        .setLineStyle(new BasicStroke(2));
    Png.write(file, BitmapEncoder.getBufferedImage(chart));
  }
}
