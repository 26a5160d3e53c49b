package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.compare.Comparison;
import io.github.ddpm4j.compare.Recording;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Holds a model against a recording of it. */
@Command(
    name = "compare",
    description = {
      "Compare a model with a recording that another implementation made of it: its output, its layers, its trajectory.",
      "The exit code is 0 if all of it agrees, else 1."
    })
final class CompareCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "MODEL", description = "As --model of other commands.")
  private String model;

  @Parameters(
      index = "1",
      paramLabel = "RECORDING",
      description =
          "A safetensors file with input, timestep and output, layers.NAME, or trajectory and noise.")
  private Path recording;

  @Option(
      names = "--tolerance",
      defaultValue = "1e-4",
      paramLabel = "X",
      description = "Largest difference over largest value that agrees. Default: ${DEFAULT-VALUE}.")
  private double tolerance;

  @Mixin private DeviceOption device;

  @Override
  public Integer call() {
    try (DiffusionModel open = ModelOptions.open(model, device.get())) {
      Comparison comparison = Comparison.of(open, Recording.read(recording));
      System.out.print(comparison.table(tolerance));
      return comparison.firstBeyond(tolerance).isEmpty() ? 0 : 1;
    }
  }
}
