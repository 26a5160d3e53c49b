package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Parameter;
import io.github.ddpm4j.unet.layers.Parameters;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Moves a network's parameters from and to a file, in diffusers' names and layouts. */
public final class WeightFile {
  /** Attention's linear maps before diffusers 0.17. */
  private static final Pattern OLD_ATTENTION =
      Pattern.compile("(.*\\battentions\\.\\d+\\.)(query|key|value|proj_attn)\\.(weight|bias)");

  private static final Map<String, String> NEW_ATTENTION =
      Map.of("query", "to_q", "key", "to_k", "value", "to_v", "proj_attn", "to_out.0");

  private WeightFile() {}

  /**
   * Reads all parameters.
   *
   * @throws CheckpointException if a tensor is missing, unexpected, of another shape, or not finite
   */
  public static void read(TensorFile source, Parameters parameters) {
    names(source, parameters)
        .forEach(
            (parameter, name) ->
                parameter.value().copyFrom(parameter.fromCheckpoint(source.requireFinite(name))));
  }

  /**
   * Requires that a file holds the parameters, which need no memory for that.
   *
   * @throws CheckpointException if a tensor is missing, unexpected, or of another shape
   */
  static void requireFit(TensorFile source, Parameters parameters) {
    names(source, parameters);
  }

  /** The name in a file of each parameter. */
  private static Map<Parameter, String> names(TensorFile source, Parameters parameters) {
    Map<Parameter, String> names = new LinkedHashMap<>();
    for (String name : source.names()) {
      Parameter parameter = parameters.get(newName(name));
      if (parameter == null) {
        throw problem(
            source, name, "is unexpected: the network of this configuration has no such tensor");
      }
      String other = names.put(parameter, name);
      if (other != null) {
        throw problem(source, name, "is unexpected: " + other + " is the same tensor");
      }
    }
    for (Parameter parameter : parameters.list()) {
      String name = names.get(parameter);
      Shape expected = parameter.checkpointShape();
      if (name == null) {
        throw problem(source, parameter.name(), "is missing, expected shape " + expected);
      }
      Shape shape = source.shape(name);
      if (!withoutKernel(shape).equals(withoutKernel(expected))) {
        throw problem(source, name, "has shape " + shape + ", expected " + expected);
      }
    }
    return names;
  }

  private static CheckpointException problem(TensorFile source, String name, String problem) {
    return new CheckpointException(source.file(name), name, problem);
  }

  private static String newName(String name) {
    Matcher old = OLD_ATTENTION.matcher(name);
    return old.matches()
        ? old.group(1) + NEW_ATTENTION.get(old.group(2)) + "." + old.group(3)
        : name;
  }

  /** Linear maps are 1x1 convolutions in some old files. */
  private static Shape withoutKernel(Shape shape) {
    return shape.rank() == 4 && shape.dim(2) == 1 && shape.dim(3) == 1
        ? Shape.of(shape.dim(0), shape.dim(1))
        : shape;
  }

  /**
   * Writes parameters, whole or not at all.
   *
   * @param values of each parameter: its own, or an average
   */
  public static void write(Path file, Map<Parameter, Tensor> values) {
    Map<String, Safetensors.Array> arrays = new LinkedHashMap<>();
    values.forEach(
        (parameter, value) ->
            arrays.put(
                parameter.name(),
                new Safetensors.Array(
                    parameter.checkpointShape(), parameter.toCheckpoint(value.toArray()))));
    // What transformers and diffusers look for to tell that the arrays are PyTorch's.
    Safetensors.write(file, arrays, Map.of("format", "pt"));
  }
}
