package io.github.ddpm4j.metrics.inception;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.checkpoint.TensorFile;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.layers.Parameter;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Reads convolutions without bias and the batch norms after them as convolutions with bias: w' = w
 * γ/√(σ² + ε), b' = β - μ γ/√(σ² + ε), in double.
 */
final class FoldedWeights {
  /** ε of Inception's batch norms. */
  private static final double EPSILON = 1e-3;

  private static final String WEIGHT = ".conv.weight";
  private static final String BIAS = ".conv.bias";

  private FoldedWeights() {}

  /**
   * Requires that a file holds the network's tensors. Counters of batches are not asked for, nor is
   * the auxiliary classifier.
   *
   * @throws CheckpointException if a tensor is missing, unexpected, or of another shape
   */
  static void requireFit(TensorFile file, Parameters parameters) {
    Map<String, Shape> expected = new LinkedHashMap<>();
    for (Parameter parameter : parameters.list()) {
      String name = parameter.name();
      if (name.endsWith(BIAS)) {
        String norm = name.substring(0, name.length() - BIAS.length()) + ".bn.";
        for (String part : new String[] {"weight", "bias", "running_mean", "running_var"}) {
          expected.put(norm + part, parameter.shape());
        }
      } else {
        expected.put(name, parameter.checkpointShape());
      }
    }
    Set<String> unexpected = new HashSet<>(file.names());
    expected.forEach(
        (name, shape) -> {
          if (!unexpected.remove(name)) {
            throw new CheckpointException(
                file.names().isEmpty() ? null : file.file(file.names().iterator().next()),
                name,
                "is missing, expected shape " + shape);
          }
          if (!file.shape(name).equals(shape)) {
            throw new CheckpointException(
                file.file(name), name, "has shape " + file.shape(name) + ", expected " + shape);
          }
        });
    for (String name : unexpected) {
      if (!name.endsWith(".num_batches_tracked") && !name.startsWith("AuxLogits.")) {
        throw new CheckpointException(
            file.file(name), name, "is unexpected: this Inception network has no such tensor");
      }
    }
  }

  /**
   * Reads all parameters.
   *
   * @param outputBias whether the last layer keeps its bias
   * @throws CheckpointException if a value is not finite, or a variance negative
   */
  static void read(TensorFile file, Parameters parameters, boolean outputBias) {
    for (Parameter parameter : parameters.list()) {
      String name = parameter.name();
      if (name.endsWith(WEIGHT)) {
        String unit = name.substring(0, name.length() - WEIGHT.length());
        Parameter bias = parameters.get(unit + BIAS);
        fold(file, unit, parameter, bias);
      } else if (name.equals("fc.weight") || name.equals("fc.bias") && outputBias) {
        parameter.value().copyFrom(file.requireFinite(name));
      } else if (name.equals("fc.bias")) {
        parameter.value().fill(0);
      }
    }
  }

  private static void fold(TensorFile file, String unit, Parameter weight, Parameter bias) {
    float[] w = file.requireFinite(unit + WEIGHT);
    float[] gamma = file.requireFinite(unit + ".bn.weight");
    float[] beta = file.requireFinite(unit + ".bn.bias");
    float[] mean = file.requireFinite(unit + ".bn.running_mean");
    float[] variance = file.requireFinite(unit + ".bn.running_var");
    float[] b = new float[gamma.length];
    int size = w.length / b.length;
    for (int k = 0; k < b.length; k++) {
      if (variance[k] < 0) {
        String name = unit + ".bn.running_var";
        throw new CheckpointException(
            file.file(name), name, "value " + k + " is " + variance[k] + ", expected at least 0");
      }
      double scale = gamma[k] / Math.sqrt(variance[k] + EPSILON);
      b[k] = (float) (beta[k] - mean[k] * scale);
      for (int i = k * size; i < (k + 1) * size; i++) {
        w[i] = (float) (w[i] * scale);
      }
    }
    weight.value().copyFrom(weight.fromCheckpoint(w));
    bias.value().copyFrom(b);
  }
}
