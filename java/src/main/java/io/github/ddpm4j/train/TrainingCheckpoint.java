package io.github.ddpm4j.train;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The state of a training run in one safetensors file, written whole or not at all: a run that is
 * killed resumes from it with the same bits.
 */
final class TrainingCheckpoint {
  private static final String STEP = "step";

  private TrainingCheckpoint() {}

  static void write(Path file, Trainer trainer) {
    Map<String, Safetensors.Array> arrays = new LinkedHashMap<>();
    trainer
        .state()
        .tensors()
        .forEach(
            (name, tensor) ->
                arrays.put(name, new Safetensors.Array(tensor.shape(), tensor.toArray())));
    Map<String, String> metadata = identity(trainer);
    metadata.put(STEP, Long.toString(trainer.state().step()));
    Safetensors.write(file, arrays, metadata);
  }

  /**
   * Reads a state into a trainer of the same network, scheduler, configuration and data.
   *
   * @throws CheckpointException if the file is damaged or belongs to another run: names what
   *     differs
   */
  static void read(Path file, Trainer trainer) {
    Safetensors checkpoint = Safetensors.read(file);
    identity(trainer)
        .forEach(
            (key, expected) -> {
              String found = checkpoint.metadata().get(key);
              if (!expected.equals(found)) {
                throw new CheckpointException(
                    file,
                    key,
                    "is " + found + ", expected that of the run to be resumed: " + expected);
              }
            });
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
    long steps = trainer.config().steps();
    if (!step.matches("\\d{1,18}") || Long.parseLong(step) > steps) {
      throw new CheckpointException(file, STEP, "is " + step + ", expected 0 to " + steps);
    }
    trainer.state().setStep(Long.parseLong(step));
  }

  /** All that the steps to come depend on, but for the state. */
  private static Map<String, String> identity(Trainer trainer) {
    Map<String, String> identity = new LinkedHashMap<>();
    identity.put("network", trainer.unet().config().toJson());
    identity.put("scheduler", trainer.scheduler().toJson());
    identity.put("config", trainer.config().toJson());
    identity.put("data", fingerprint(trainer.data()));
    return identity;
  }

  private static String fingerprint(ImageDataset data) {
    CRC32C checksum = new CRC32C();
    byte[] image = new byte[data.imageSize()];
    for (int i = 0; i < data.count(); i++) {
      data.copyPixels(i, image, 0);
      checksum.update(image);
    }
    return data + " with checksum " + Long.toHexString(checksum.getValue());
  }
}
