package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DeviceException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.Roofline;
import io.github.ddpm4j.unet.LayerSummary;
import io.github.ddpm4j.unet.UNet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Tells what ddpm4j runs on, and what a model is made of: what each layer costs, the least time
 * that this machine needs for that, and the time that it takes.
 */
@Command(
    name = "info",
    description =
        "Show versions, devices, and the layers of a model: multiplications, bytes moved at least, the least time for"
            + " these on this machine (floor), the time measured, and the floor's share of it.")
final class InfoCommand implements Callable<Integer> {
  @Mixin private ModelOptions model;

  @Option(
      names = "--batch",
      defaultValue = "1",
      description = "Images of the batch that costs and times are for. Default: ${DEFAULT-VALUE}.")
  private int batch;

  @Option(
      names = "--peak",
      description = "Multiply-adds that the machine does at best, in GFLOP/s. Default: measured.")
  private Double peak;

  @Option(
      names = "--bandwidth",
      description = "Bytes that its memory gives at best, in GB/s. Default: measured.")
  private Double bandwidth;

  @Override
  public Integer call() {
    if (batch < 1) {
      throw new InvalidArgumentException("batch is " + batch + ", expected at least 1");
    }
    System.out.println("ddpm4j   " + Device.nativeVersion());
    System.out.println("Java     " + Runtime.version());
    System.out.println(
        "CPU      " + Device.cpuIsa() + " kernels, " + Device.threads() + " threads");
    cudaDevices();
    Roofline roofline = roofline();
    System.out.printf(
        Locale.ROOT,
        "peak     %.0f GFLOP/s, %.1f GB/s%s%n",
        roofline.flops() * 1e-9,
        roofline.bytesPerSecond() * 1e-9,
        peak == null || bandwidth == null ? ", measured" : "");
    System.out.println();
    try (DiffusionModel open = model.open()) {
      // Networks for pictures of any size are looked at with small ones.
      int multiple = Math.max(32, open.unet().config().sizeMultiple());
      boolean sized = open.unet().config().sampleHeight() != 0;
      int height = sized ? open.unet().config().sampleHeight() : multiple;
      int width = sized ? open.unet().config().sampleWidth() : multiple;
      System.out.printf(
          Locale.ROOT,
          "model    %s: %dx%d pixels, %d channels, %d timesteps%n",
          model.model,
          height,
          width,
          open.unet().config().inChannels(),
          open.schedule().steps());
      layers(open.unet(), height, width, roofline);
    }
    return 0;
  }

  private static void cudaDevices() {
    if (Device.cudaCount() == 0) {
      System.out.println("CUDA     not used: " + Device.cudaStatus());
    }
    for (int i = 0; i < Device.cudaCount(); i++) {
      try {
        Device device = Device.cuda(i);
        Device.CudaProperties has = device.cudaProperties();
        System.out.printf(
            Locale.ROOT,
            "%-8s %s, sm_%d, %d multiprocessors, %.1f GB%n",
            device,
            device.name(),
            has.computeCapability(),
            has.multiprocessors(),
            has.memory() * 1e-9);
      } catch (DeviceException e) {
        System.out.println("cuda:" + i + "   not used: " + e.getMessage());
      }
    }
  }

  private Roofline roofline() {
    boolean given = peak != null && bandwidth != null;
    if (!given && !model.device.get().isCpu()) {
      throw new InvalidArgumentException(
          "what device '"
              + model.device.get()
              + "' does at best is not measured, expected --peak and --bandwidth");
    }
    Roofline measured = given ? null : Roofline.measure();
    return new Roofline(
        peak == null ? measured.flops() : peak * 1e9,
        bandwidth == null ? measured.bytesPerSecond() : bandwidth * 1e9);
  }

  private void layers(UNet unet, int height, int width, Roofline roofline) {
    Map<String, Double> times = LayerTimes.measure(unet, batch, height, width);
    List<LayerSummary> layers = unet.summary(height, width);
    System.out.printf(
        "%-32s %11s %11s %14s %12s %9s %9s %6s%n",
        "layer", "output", "parameters", "MACs", "bytes", "floor ms", "ms", "share");
    double floor = 0;
    double time = 0;
    long bytes = 0;
    for (LayerSummary layer : layers) {
      double least = roofline.seconds(2.0 * batch * layer.macs(), layer.bytes(batch));
      double taken = times.getOrDefault(layer.name(), 0.0);
      print(
          layer.name(),
          layer.height() + "x" + layer.width() + "x" + layer.channels(),
          layer.parameters(),
          batch * layer.macs(),
          layer.bytes(batch),
          least,
          taken);
      floor += least;
      time += taken;
      bytes += layer.bytes(batch);
    }
    long macs = batch * unet.macs(height, width);
    print("total", "", unet.parameters().count(), macs, bytes, floor, time);
  }

  private static void print(
      String name,
      String output,
      long parameters,
      long macs,
      long bytes,
      double floor,
      double time) {
    System.out.printf(
        Locale.ROOT,
        "%-32s %11s %,11d %,14d %,12d %9.3f %9.3f %6s%n",
        name,
        output,
        parameters,
        macs,
        bytes,
        floor * 1e3,
        time * 1e3,
        time == 0 ? "" : String.format(Locale.ROOT, "%.0f%%", 100 * floor / time));
  }
}
