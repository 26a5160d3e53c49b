package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.Set;

/**
 * Named arrays of numbers in one or several files. Opening one reads and checks what it says of
 * itself; tensors are read one at a time, when asked for. Files are not kept open.
 */
public sealed interface TensorFile permits Safetensors, TorchFile, ShardedTensors {
  /**
   * Opens a file of the kind that its name tells: {@code .safetensors}, {@code .bin} or {@code
   * .pt}, or {@code .index.json} for several.
   *
   * @throws CheckpointException if it cannot be read, is not valid, or is of another kind
   */
  static TensorFile open(Path file) {
    String name = file.getFileName().toString();
    if (name.endsWith(".safetensors")) {
      return Safetensors.read(file);
    }
    if (name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth")) {
      return TorchFile.read(file);
    }
    if (name.endsWith(".index.json")) {
      return ShardedTensors.read(file);
    }
    throw new CheckpointException(
        file, "name", "is of no known kind; expected .safetensors, .bin, .pt, .pth or .index.json");
  }

  /** Names of all tensors, in the order of the file. */
  Set<String> names();

  /**
   * Shape of a tensor.
   *
   * @throws CheckpointException if there is none of this name
   */
  Shape shape(String name);

  /**
   * Values of a tensor of real numbers of 64, 32 or 16 bits, in row-major order; those of 64 bits
   * are rounded.
   *
   * @throws CheckpointException if there is none of this name, or it is of another type
   */
  float[] floats(String name);

  /** The file that holds a tensor. */
  Path file(String name);

  /**
   * Values of a tensor, as {@link #floats} gives them, all of them finite.
   *
   * @throws CheckpointException also if a value is NaN or infinite
   */
  default float[] requireFinite(String name) {
    float[] values = floats(name);
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw new CheckpointException(
            file(name), name, "value " + i + " is " + values[i] + ", expected finite values");
      }
    }
    return values;
  }
}
