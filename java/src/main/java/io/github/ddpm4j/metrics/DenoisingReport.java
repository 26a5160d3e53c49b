package io.github.ddpm4j.metrics;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.files.AtomicFile;
import io.github.ddpm4j.image.Png;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Figures of an optimal denoiser by timestep, for one or more sets of images, as table and plots.
 */
public final class DenoisingReport {
  private static final int WIDTH = 700;
  private static final int HEIGHT = 420;
  private static final int TICK_PIXELS = 80;

  /** Losses below are drawn as this, for the logarithmic axis. */
  private static final double LEAST_LOSS = 1e-4;

  private static final Color[] COLOURS = {
    new Color(20, 60, 140),
    new Color(200, 80, 20),
    new Color(110, 160, 220),
    new Color(240, 170, 110)
  };

  private final Map<String, List<DenoisingFigures>> sets = new LinkedHashMap<>();

  /**
   * Adds figures of a timestep, in rising or falling order of timesteps.
   *
   * @param set name of the set of images, for example {@code train}
   */
  public void add(String set, DenoisingFigures figures) {
    sets.computeIfAbsent(set, name -> new ArrayList<>()).add(figures);
  }

  /** Writes the figures as CSV, a row for each set and timestep. */
  public void saveCsv(Path file) {
    StringBuilder csv =
        new StringBuilder(
            "set,t,snr,effective_sample_size,largest_weight,x0_distance,xt_distance,optimal_loss,"
                + "network_loss,skipped,skipped_by_means\n");
    sets.forEach(
        (set, rows) -> {
          for (DenoisingFigures row : rows) {
            csv.append(set).append(',').append(row.t());
            for (double value :
                new double[] {
                  row.snr(),
                  row.effectiveSampleSize(),
                  row.largestWeight(),
                  row.x0Distance(),
                  row.xtDistance(),
                  row.optimalLoss(),
                  row.networkLoss(),
                  row.skipped(),
                  row.skippedByMeans()
                }) {
              csv.append(',').append(Double.isNaN(value) ? "" : String.valueOf(value));
            }
            csv.append('\n');
          }
        });
    try {
      AtomicFile.write(file, out -> out.write(csv.toString().getBytes(StandardCharsets.US_ASCII)));
    } catch (IOException e) {
      throw new DdpmException("cannot write " + file + ": " + e, e);
    }
  }

  /** Writes four plots over the timesteps as one PNG file: losses, weights, distances, work. */
  public void savePlots(Path file) {
    XYChart loss = lossChart();
    XYChart weights = chart("Images that share the weight", "effective sample size", true);
    addAll(weights, "", DenoisingFigures::effectiveSampleSize);

    XYChart distance = chart("Distance to the nearest training image", "Euclidean distance", false);
    addAll(distance, "x̂₀", DenoisingFigures::x0Distance);

    XYChart shares = chart("Concentration and skipped work", "share", false);
    shares.getStyler().setYAxisMin(0.0).setYAxisMax(1.0);
    shares.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    addAll(shares, "largest weight", DenoisingFigures::largestWeight);
    addAll(shares, "distances skipped", DenoisingFigures::skipped);

    BufferedImage picture = new BufferedImage(2 * WIDTH, 2 * HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = picture.createGraphics();
    graphics.drawImage(BitmapEncoder.getBufferedImage(loss), 0, 0, null);
    graphics.drawImage(BitmapEncoder.getBufferedImage(weights), WIDTH, 0, null);
    graphics.drawImage(BitmapEncoder.getBufferedImage(distance), 0, HEIGHT, null);
    graphics.drawImage(BitmapEncoder.getBufferedImage(shares), WIDTH, HEIGHT, null);
    graphics.dispose();
    Png.write(file, picture);
  }

  /** The plot of the losses alone. */
  public BufferedImage lossPlot() {
    XYChart chart = lossChart();
    chart.setTitle("Loss of the optimal denoiser (ε*) and of the network");
    return BitmapEncoder.getBufferedImage(chart);
  }

  private XYChart lossChart() {
    XYChart loss = chart("Loss", "squared error of the noise (at least 1e-4)", true);
    loss.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    addAll(loss, "ε*", row -> Math.max(LEAST_LOSS, row.optimalLoss()));
    addAll(loss, "network", row -> Math.max(LEAST_LOSS, row.networkLoss()));
    return loss;
  }

  private static XYChart chart(String title, String yAxis, boolean logarithmic) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("timestep")
            .yAxisTitle(yAxis)
            .build();
    chart.getStyler().setYAxisLogarithmic(logarithmic);
    chart.getStyler().setXAxisMin(0.0);
    chart.getStyler().setXAxisDecimalPattern("0");
    chart.getStyler().setXAxisTickMarkSpacingHint(TICK_PIXELS);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNW);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    return chart;
  }

  /** A line for each set that has the figure. */
  private void addAll(XYChart chart, String name, ToDoubleFunction<DenoisingFigures> figure) {
    sets.forEach(
        (set, rows) -> {
          double[] t = rows.stream().mapToDouble(DenoisingFigures::t).toArray();
          double[] values = rows.stream().mapToDouble(figure).toArray();
          if (Arrays.stream(values).noneMatch(Double::isNaN)) {
            Color colour = COLOURS[chart.getSeriesMap().size() % COLOURS.length];
            XYSeries series = chart.addSeries((name + " " + set).strip(), t, values);
            series.setLineColor(colour);
            series.setMarker(SeriesMarkers.CIRCLE);
            series.setMarkerColor(colour);
          }
        });
  }
}
