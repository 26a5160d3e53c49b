package io.github.ddpm4j.benchmarks.peer;

import io.github.ddpm4j.unet.layers.Parameter;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;

/** Weights as checkpoints have them, by name: convolutions are [K,C,R,S]. */
public record Weights(Map<String, Array> arrays) {
  /** An array in row-major order. */
  public record Array(float[] values, int... shape) {}

  public static Weights of(Parameters parameters) {
    Map<String, Array> arrays = new LinkedHashMap<>();
    for (Parameter parameter : parameters.list()) {
      float[] values = parameter.toCheckpoint(parameter.value().toArray());
      arrays.put(parameter.name(), new Array(values, parameter.checkpointShape().toArray()));
    }
    return new Weights(arrays);
  }
}
