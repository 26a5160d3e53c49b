package io.github.ddpm4j.compare;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * What another implementation made of a model: a safetensors file. Pictures are [N,C,H,W], as
 * PyTorch has them. It has a prediction, a trajectory, or both:
 *
 * <ul>
 *   <li>{@code input} [N,C,H,W], {@code timestep} [N] or a scalar, {@code class_labels} if the
 *       network has classes, and the network's {@code output};
 *   <li>{@code layers.NAME}: outputs of layers for that input, by the names of their modules, as
 *       {@code layers.down_blocks.0.resnets.1}; {@code conv_act} stands for both the last
 *       normalisation and its activation;
 *   <li>{@code trajectory} [S+1,N,C,H,W]: x_T and the images after each of S steps; {@code
 *       timesteps} [S], where the steps start; {@code noise} [S,N,C,H,W], what each step added,
 *       unless none did. The sampler is that of the model's scheduler, unless the metadata {@code
 *       sampler} is {@code ddpm} or {@code ddim}, with {@code eta}; all else is as the scheduler
 *       says.
 * </ul>
 */
public final class Recording {
  static final String LAYERS = "layers.";

  private final Path file;
  private final Safetensors tensors;

  private Recording(Path file) {
    this.file = file;
    tensors = Safetensors.read(file);
  }

  /**
   * Opens a recording.
   *
   * @throws CheckpointException if it cannot be read, or has neither prediction nor trajectory
   */
  public static Recording read(Path file) {
    Recording recording = new Recording(file);
    if (!recording.has("output") && !recording.has("trajectory")) {
      throw recording.problem("output", "is missing, and so is trajectory; expected one or both");
    }
    return recording;
  }

  boolean has(String name) {
    return tensors.names().contains(name);
  }

  /** Names of layers whose outputs are there. */
  Set<String> layers() {
    Set<String> layers = new LinkedHashSet<>();
    for (String name : tensors.names()) {
      if (name.startsWith(LAYERS)) {
        layers.add(name.substring(LAYERS.length()));
      }
    }
    return layers;
  }

  Shape shape(String name) {
    return tensors.shape(name);
  }

  /** Values as they are stored. */
  float[] values(String name) {
    return tensors.numbers(name);
  }

  /** Shape of a tensor of a given rank. */
  Shape shape(String name, int rank) {
    Shape shape = tensors.shape(name);
    if (shape.rank() != rank) {
      throw problem(name, "has shape " + shape + ", expected " + rank + " dimensions");
    }
    return shape;
  }

  /** One number for each of N images: those stored, or the one stored for all of them. */
  float[] perImage(String name, int images) {
    float[] values = values(name);
    if (values.length == images) {
      return values;
    }
    if (values.length != 1) {
      throw problem(name, "has shape " + shape(name) + ", expected [" + images + "] or one number");
    }
    float[] repeated = new float[images];
    java.util.Arrays.fill(repeated, values[0]);
    return repeated;
  }

  String metadata(String key, String missing) {
    return tensors.metadata().getOrDefault(key, missing);
  }

  CheckpointException problem(String part, String problem) {
    return new CheckpointException(file, part, problem);
  }
}
