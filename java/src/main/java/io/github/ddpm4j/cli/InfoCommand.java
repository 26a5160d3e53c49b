package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.unet.LayerSummary;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Tells what ddpm4j runs on, and what a model is made of. */
@Command(name = "info", description = "Show versions, devices and what a model is made of.")
final class InfoCommand implements Callable<Integer> {
  @Mixin private ModelOptions model;

  @Override
  public Integer call() {
    System.out.println("ddpm4j   " + Device.nativeVersion());
    System.out.println("Java     " + Runtime.version());
    System.out.println(
        "CPU      " + Device.cpuIsa() + " kernels, " + Device.threads() + " threads");
    System.out.println("CUDA     not used: " + Device.cudaStatus());
    System.out.println();
    try (DiffusionModel open = model.open()) {
      int height = open.unet().config().sampleHeight();
      int width = open.unet().config().sampleWidth();
      List<LayerSummary> layers = open.unet().summary(height, width);
      System.out.printf(
          Locale.ROOT,
          "model    %s: %dx%d pixels, %d channels, %d timesteps%n",
          model.model,
          height,
          width,
          open.unet().config().inChannels(),
          open.schedule().steps());
      System.out.printf("%-44s %15s %12s %14s%n", "layer", "output", "parameters", "MACs an image");
      for (LayerSummary layer : layers) {
        print(
            layer.name(),
            layer.height() + "x" + layer.width() + "x" + layer.channels(),
            layer.parameters(),
            layer.macs());
      }
      print("total", "", open.unet().parameters().count(), open.unet().macs(height, width));
    }
    return 0;
  }

  private static void print(String name, String output, long parameters, long macs) {
    System.out.printf(Locale.ROOT, "%-44s %15s %,12d %,14d%n", name, output, parameters, macs);
  }
}
