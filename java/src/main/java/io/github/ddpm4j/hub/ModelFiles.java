package io.github.ddpm4j.hub;

import io.github.ddpm4j.HubException;
import io.github.ddpm4j.checkpoint.DiffusersCheckpoint;
import io.github.ddpm4j.checkpoint.ShardedTensors;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The files of a model that {@link DiffusersCheckpoint#read} looks for, at the root of a repository
 * or in its folders {@code unet} and {@code scheduler}.
 */
record ModelFiles(HubClient hub, String repository) {
  Path fetch() {
    hub.find(repository, "model_index.json");
    boolean atRoot = hub.find(repository, "config.json").isPresent();
    String unet = atRoot ? "" : "unet/";
    if (!atRoot) {
      hub.fetch(repository, unet + "config.json");
    }
    if (hub.find(repository, "scheduler_config.json").isEmpty()) {
      hub.fetch(repository, "scheduler/scheduler_config.json");
    }
    Path folder = hub.folder(repository);
    DiffusersCheckpoint.requireSupported(folder);
    fetchWeights(unet);
    return folder;
  }

  private void fetchWeights(String folder) {
    for (String name : DiffusersCheckpoint.weightFiles()) {
      Optional<Path> file = hub.find(repository, folder + name);
      if (file.isPresent()) {
        if (name.endsWith(".index.json")) {
          ShardedTensors.files(file.get()).forEach(shard -> hub.fetch(repository, folder + shard));
        }
        return;
      }
    }
    throw new HubException(
        repository
            + " has no weights, expected one of "
            + String.join(", ", DiffusersCheckpoint.weightFiles()));
  }
}
