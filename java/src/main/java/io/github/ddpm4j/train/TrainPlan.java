package io.github.ddpm4j.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.unet.NetworkConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * All that defines a model before it is trained: one JSON file with {@code network} (as diffusers'
 * {@code config.json}), {@code scheduler} (as its {@code scheduler_config.json}) and {@code
 * training} (see {@link TrainConfig}).
 *
 * @param network what to train
 * @param scheduler noise schedule, and how to sample
 * @param training hyper-parameters
 */
public record TrainPlan(NetworkConfig network, SchedulerConfig scheduler, TrainConfig training) {
  private static final String PRESETS = "/io/github/ddpm4j/presets/";

  /**
   * A plan that comes with the library: {@code mnist}, the bundled model's, or {@code notebook},
   * the U-Net that attends at every resolution, with the recipe of the notebook it is from.
   */
  public static TrainPlan preset(String name) {
    try (InputStream in = TrainPlan.class.getResourceAsStream(PRESETS + name + ".json")) {
      if (in == null) {
        throw new InvalidArgumentException(
            "no preset named '" + name + "' comes with ddpm4j, expected mnist or notebook");
      }
      return parse(
          Path.of("classpath:" + PRESETS + name + ".json"),
          new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new InvalidArgumentException("preset '" + name + "' cannot be read: " + e);
    }
  }

  /**
   * Reads a file.
   *
   * @throws CheckpointException if it cannot be read or honoured: names file, key and expectation
   */
  public static TrainPlan read(Path file) {
    try {
      return parse(file, Files.readString(file));
    } catch (IOException e) {
      throw new CheckpointException(file, "file", "cannot be read: " + e);
    }
  }

  private static TrainPlan parse(Path file, String json) {
    JsonNode root;
    try {
      root = new ObjectMapper().readTree(json);
    } catch (JsonProcessingException e) {
      throw new CheckpointException(file, "file", "is not JSON: " + e.getOriginalMessage());
    }
    return new TrainPlan(
        NetworkConfig.fromJson(file, part(file, root, "network")),
        SchedulerConfig.fromJson(file, part(file, root, "scheduler")),
        TrainConfig.fromJson(file, part(file, root, "training")));
  }

  private static String part(Path file, JsonNode root, String key) {
    if (!root.path(key).isObject()) {
      throw new CheckpointException(file, key, "is missing, expected an object");
    }
    return root.get(key).toString();
  }
}
