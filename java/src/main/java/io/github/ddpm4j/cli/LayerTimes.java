package io.github.ddpm4j.cli;

import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** How long each layer of a network takes. A concatenation counts for the layer behind it. */
final class LayerTimes {
  private static final int PASSES = 7;
  private static final double TIMESTEP = 500;

  private LayerTimes() {}

  /** Median seconds of some passes over a batch, by the names of the network's summary. */
  static Map<String, Double> measure(UNet unet, int images, int height, int width) {
    Map<String, List<Double>> times = new HashMap<>();
    try (Scope scope = Scope.open(unet.device())) {
      Shape shape = Shape.of(images, height, width, unet.config().inChannels());
      Tensor x = Noise.philox(0).fill(scope.allocate(shape), 0);
      Tensor t = scope.allocate(Shape.of(images)).fill((float) TIMESTEP);
      Shape classes = unet.config().labelShape(images);
      Tensor labels = classes == null ? null : scope.zeros(classes);
      for (int i = 0; i < PASSES; i++) {
        try (Scope inner = Scope.open(unet.device())) {
          unet.device().synchronize();
          long[] last = {System.nanoTime()};
          unet.forward(
              x.in(inner),
              t,
              labels,
              (name, output) -> {
                unet.device().synchronize();
                long now = System.nanoTime();
                // The summary names the normalisation, which the activation is part of.
                String layer = name.equals("conv_act") ? "conv_norm_out" : name;
                times.computeIfAbsent(layer, key -> new ArrayList<>()).add((now - last[0]) * 1e-9);
                last[0] = now;
              });
        }
      }
    }
    Map<String, Double> medians = new HashMap<>();
    times.forEach((layer, samples) -> medians.put(layer, median(samples)));
    return medians;
  }

  private static double median(List<Double> samples) {
    return samples.stream().sorted().skip(samples.size() / 2).findFirst().orElseThrow();
  }
}
