package io.github.ddpm4j.benchmarks;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Draws what {@link Compare} printed as a roofline (Williams, Waterman, Patterson, CACM 52(4),
 * 2009): the rate of every case, and of its best peer, over its operations per byte, under what
 * memory and multiply-adds allow.
 */
public final class RooflinePlot {
  private static final double[] INTENSITIES = {0.5, 5000};
  private static final Color[] COLOURS = {
    new Color(20, 60, 140),
    new Color(200, 80, 20),
    new Color(30, 130, 60),
    new Color(140, 40, 140),
    new Color(150, 110, 20),
    new Color(20, 140, 150),
    new Color(90, 90, 90)
  };

  private RooflinePlot() {}

  /** Arguments: a file of lines, and the picture to write. */
  public static void main(String[] arguments) throws IOException {
    List<Map<String, String>> lines =
        Files.readAllLines(Path.of(arguments[0])).stream()
            .filter(line -> line.contains(" peak_gflops="))
            .map(RooflinePlot::fields)
            .toList();
    if (lines.isEmpty()) {
      throw new IllegalStateException(arguments[0] + " has no line of a case with a roof");
    }
    BitmapEncoder.saveBitmap(chart(lines), arguments[1], BitmapEncoder.BitmapFormat.PNG);
  }

  private static Map<String, String> fields(String line) {
    return Arrays.stream(line.split(" "))
        .map(field -> field.split("=", 2))
        .collect(Collectors.toMap(field -> field[0], field -> field[1]));
  }

  private static XYChart chart(List<Map<String, String>> lines) {
    double peak = median(lines, "peak_gflops");
    double bandwidth = median(lines, "bandwidth_gbs");
    Map<String, String> any = lines.get(0);
    XYChart chart =
        new XYChartBuilder()
            .width(1000)
            .height(650)
            .title("float32, " + any.get("isa") + ", " + any.get("threads") + " threads")
            .xAxisTitle("operations per byte")
            .yAxisTitle("GFLOP/s")
            .build();
    chart.getStyler().setXAxisLogarithmic(true);
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setXAxisMin(INTENSITIES[0]);
    chart.getStyler().setXAxisMax(INTENSITIES[1]);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setMarkerSize(9);
    double ridge = peak / bandwidth;
    roof(chart, String.format("memory, %.0f GB/s", bandwidth), bandwidth, INTENSITIES[0], ridge);
    roof(chart, String.format("multiply-adds, %.0f GFLOP/s", peak), peak / ridge, ridge, ridge);
    Map<String, List<Map<String, String>>> groups =
        lines.stream()
            .collect(
                Collectors.groupingBy(
                    RooflinePlot::group, LinkedHashMap::new, Collectors.toList()));
    int next = 0;
    for (Map.Entry<String, List<Map<String, String>>> group : groups.entrySet()) {
      Color colour = COLOURS[next++ % COLOURS.length];
      points(chart, group.getKey(), group.getValue(), "ours_ms", SeriesMarkers.CIRCLE, colour);
      points(
          chart,
          group.getKey() + ", best peer",
          group.getValue(),
          "peer_ms",
          SeriesMarkers.CROSS,
          colour);
    }
    return chart;
  }

  /** Cases of one kind: the two nets' by what they do, ops by their name. */
  private static String group(Map<String, String> line) {
    String[] words = line.get("case").split("-");
    boolean network = words.length > 1 && List.of("forward", "train", "sample").contains(words[1]);
    return network ? words[0] + " " + words[1] : words[0];
  }

  /** From an intensity to the ridge, or level from the ridge on. */
  private static void roof(XYChart chart, String name, double slope, double from, double ridge) {
    double to = from == ridge ? INTENSITIES[1] : ridge;
    double height = slope * ridge;
    XYSeries series =
        chart.addSeries(
            name, new double[] {from, to}, new double[] {Math.min(height, slope * from), height});
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(Color.BLACK);
    series.setLineStyle(new BasicStroke(from == ridge ? 2.5f : 1.5f));
  }

  private static void points(
      XYChart chart,
      String name,
      List<Map<String, String>> lines,
      String time,
      Marker marker,
      Color colour) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (Map<String, String> line : lines) {
      x.add(number(line, "intensity"));
      y.add(number(line, "gflops") * number(line, "ours_ms") / number(line, time));
    }
    XYSeries series = chart.addSeries(name, x, y);
    series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    series.setMarker(marker);
    series.setMarkerColor(colour);
  }

  private static double number(Map<String, String> line, String field) {
    return Double.parseDouble(line.get(field));
  }

  private static double median(List<Map<String, String>> lines, String field) {
    double[] values = lines.stream().mapToDouble(line -> number(line, field)).sorted().toArray();
    return values[values.length / 2];
  }
}
