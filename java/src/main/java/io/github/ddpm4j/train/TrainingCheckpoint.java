package io.github.ddpm4j.train;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The state of a training run in one safetensors file, written whole or not at all: a run that is
 * killed resumes from it with the same bits.
 */
final class TrainingCheckpoint {
  private static final String STEP = "step";
  private static final String CONFIG = "config";
  private static final String NETWORK = "network";

  private TrainingCheckpoint() {}

  static void write(Path file, Trainer trainer) {
    Map<String, Safetensors.Array> arrays = new LinkedHashMap<>();
    trainer
        .state()
        .tensors()
        .forEach(
            (name, tensor) ->
                arrays.put(name, new Safetensors.Array(tensor.shape(), tensor.toArray())));
    Safetensors.write(
        file,
        arrays,
        Map.of(
            STEP, Long.toString(trainer.state().step()),
            CONFIG, trainer.config().toJson(),
            NETWORK, trainer.unet().config().toJson()));
  }

  /**
   * Reads a state into a trainer of the same configuration.
   *
   * @throws CheckpointException if the file is damaged or belongs to another network or
   *     configuration
   */
  static void read(Path file, Trainer trainer) {
    Safetensors checkpoint = Safetensors.read(file);
    requireSame(file, checkpoint, NETWORK, trainer.unet().config().toJson());
    requireSame(file, checkpoint, CONFIG, trainer.config().toJson());
    for (Map.Entry<String, Tensor> entry : trainer.state().tensors().entrySet()) {
      String name = entry.getKey();
      Shape expected = entry.getValue().shape();
      if (!checkpoint.names().contains(name)) {
        throw new CheckpointException(
            file, name, "is missing, expected a tensor of shape " + expected);
      }
      if (!checkpoint.shape(name).equals(expected)) {
        throw new CheckpointException(
            file, name, "has shape " + checkpoint.shape(name) + ", expected " + expected);
      }
      entry.getValue().copyFrom(checkpoint.requireFinite(name));
    }
    String step = checkpoint.metadata().getOrDefault(STEP, "missing");
    if (!step.matches("\\d{1,18}")) {
      throw new CheckpointException(file, STEP, "is " + step + ", expected a whole number");
    }
    trainer.state().setStep(Long.parseLong(step));
  }

  private static void requireSame(Path file, Safetensors checkpoint, String key, String expected) {
    String found = checkpoint.metadata().get(key);
    if (!expected.equals(found)) {
      throw new CheckpointException(
          file, key, "is " + found + ", expected that of the run to be resumed: " + expected);
    }
  }
}
