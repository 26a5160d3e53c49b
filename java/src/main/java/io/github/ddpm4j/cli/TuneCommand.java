package io.github.ddpm4j.cli;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.ConvolutionShape;
import io.github.ddpm4j.ConvolutionTable;
import io.github.ddpm4j.ConvolutionTuning;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.unet.NetworkConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures convolutions, and keeps the fastest algorithms for later runs. */
@Command(
    name = "tune",
    description =
        "Measure which convolution algorithm is the fastest on this machine for each shape, and keep the choices in"
            + " a file that later runs find.")
final class TuneCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      paramLabel = "NAME|DIR|hub:NAME",
      description = "Measure the shapes of this model. Default: shapes that are common.")
  private String model;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "The table's file; choices for other shapes stay in it. Default: this machine's in"
              + " ~/.cache/ddpm4j. Another is used with -Dddpm4j.convolution.table=FILE.")
  private Path out;

  @Override
  public Integer call() throws IOException {
    Path file = out == null ? ConvolutionTable.defaultFile() : out;
    System.out.printf(
        "%-20s %10s %10s %10s  %s%n", "shape", "direct", "winograd2", "winograd4", "chosen");
    ConvolutionTable measured = ConvolutionTuning.measure(shapes(), TuneCommand::print);
    ConvolutionTable table = Files.exists(file) ? earlier(file).with(measured) : measured;
    table.save(file);
    System.out.println("wrote " + table.algorithms().size() + " choices to " + file);
    return 0;
  }

  private List<ConvolutionShape> shapes() {
    if (model == null) {
      return ConvolutionTuning.commonShapes();
    }
    try (DiffusionModel open = ModelOptions.open(model, Device.cpu())) {
      NetworkConfig config = open.unet().config();
      boolean sized = config.sampleHeight() != 0;
      int any = Math.max(32, config.sizeMultiple());
      return ConvolutionTuning.shapesOf(
          open.unet(), sized ? config.sampleHeight() : any, sized ? config.sampleWidth() : any);
    }
  }

  private static ConvolutionTable earlier(Path file) {
    try {
      return ConvolutionTable.load(file);
    } catch (CheckpointException e) {
      System.err.println("ddpm4j: the table before is replaced: " + e.getMessage());
      return ConvolutionTable.of(Map.of());
    }
  }

  private static void print(ConvolutionTuning.Measurement measured) {
    System.out.printf(
        Locale.ROOT,
        "%-20s %7.3f ms %7.3f ms %7.3f ms  %s%n",
        measured.shape(),
        1e3 * measured.seconds().get("direct"),
        1e3 * measured.seconds().get("winograd2"),
        1e3 * measured.seconds().get("winograd4"),
        measured.chosen());
  }
}
