package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Tensors in several files of a folder, which a file {@code *.index.json} lists: its {@code
 * weight_map} has the file of each tensor.
 */
public final class ShardedTensors implements TensorFile {
  private final Path index;
  private final Map<String, TensorFile> shards;

  private ShardedTensors(Path index, Map<String, TensorFile> shards) {
    this.index = index;
    this.shards = shards;
  }

  /**
   * Opens an index and its files.
   *
   * @throws CheckpointException if one of them cannot be read, or they do not hold the tensors that
   *     the index lists
   */
  public static ShardedTensors read(Path index) {
    Map<String, TensorFile> files = new LinkedHashMap<>();
    Map<String, TensorFile> shards = new LinkedHashMap<>();
    weightMap(index)
        .forEach(
            (name, file) ->
                shards.put(name, files.computeIfAbsent(file, key -> shard(index, name, key))));
    shards.forEach((name, shard) -> requireHeld(index, name, shard));
    files.values().forEach(shard -> requireListed(index, shard, shards));
    return new ShardedTensors(index, shards);
  }

  /**
   * Names of the files that an index lists, all of them in its folder.
   *
   * @throws CheckpointException if it cannot be read
   */
  public static Set<String> files(Path index) {
    return new LinkedHashSet<>(weightMap(index).values());
  }

  private static Map<String, String> weightMap(Path index) {
    Map<String, String> map = JsonFields.parse(index, TextFile.read(index)).texts("weight_map");
    map.forEach(
        (tensor, file) -> {
          // Any other name could lead out of the folder, or back to the index.
          if (!file.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*\\.(safetensors|bin)")) {
            throw new CheckpointException(
                index,
                tensor,
                "is in '" + file + "', expected the name of a file in the same folder");
          }
        });
    return map;
  }

  private static TensorFile shard(Path index, String tensor, String file) {
    Path path = index.resolveSibling(file);
    if (!Files.isRegularFile(path)) {
      throw new CheckpointException(index, tensor, "is in " + path + ", which is missing");
    }
    return TensorFile.open(path);
  }

  private static void requireHeld(Path index, String name, TensorFile shard) {
    if (!shard.names().contains(name)) {
      throw new CheckpointException(index, name, "is not in " + shard.file(name));
    }
  }

  private static void requireListed(Path index, TensorFile shard, Map<String, TensorFile> shards) {
    for (String name : shard.names()) {
      if (shards.get(name) != shard) {
        throw new CheckpointException(
            index, name, "is in " + shard.file(name) + ", but not listed");
      }
    }
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(shards.keySet());
  }

  @Override
  public Path file(String name) {
    return shards.containsKey(name) ? shards.get(name).file(name) : index;
  }

  @Override
  public Shape shape(String name) {
    return shard(name).shape(name);
  }

  @Override
  public float[] floats(String name) {
    return shard(name).floats(name);
  }

  private TensorFile shard(String name) {
    TensorFile shard = shards.get(name);
    if (shard == null) {
      throw new CheckpointException(index, name, "is missing");
    }
    return shard;
  }
}
