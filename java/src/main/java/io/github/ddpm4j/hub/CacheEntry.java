package io.github.ddpm4j.hub;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.HubException;
import io.github.ddpm4j.files.AtomicFile;
import io.github.ddpm4j.internal.JsonFields;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A file of the hub on disk, and beside it, in a folder {@code .hub}, what it is and what of a new
 * version has arrived so far.
 *
 * @param file its place
 * @param facts JSON with its etag and size
 * @param part what has arrived of a version; its name tells which
 */
record CacheEntry(Path file, Path facts, Path part) {
  static CacheEntry of(Path cache, HubFile file) {
    Path folder = cache.resolve(file.folder());
    Path place = folder.resolve(file.name());
    if (!place.normalize().startsWith(folder.normalize())) {
      throw new HubException(file + " would lie outside of " + folder);
    }
    Path beside = folder.resolve(".hub").resolve(file.name());
    return new CacheEntry(place, beside.resolveSibling(beside.getFileName() + ".json"), beside);
  }

  /** What has arrived of a version. */
  Path part(RemoteFile remote) {
    String version = remote.etag().replaceAll("[^A-Za-z0-9]", "_");
    return part.resolveSibling(
        part.getFileName() + "." + version.substring(0, Math.min(64, version.length())) + ".part");
  }

  /** Whether the file is there as it was fetched. */
  boolean isWhole() {
    RemoteFile known = known();
    try {
      return known != null && Files.isRegularFile(file) && Files.size(file) == known.size();
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether the file is there in a version. */
  boolean holds(RemoteFile remote) {
    return isWhole() && known().etag().equals(remote.etag());
  }

  private RemoteFile known() {
    try {
      JsonFields fields = JsonFields.parse(facts, Files.readString(facts));
      return new RemoteFile(fields.text("etag", ""), fields.wholeNumber("size", -1));
    } catch (IOException | CheckpointException e) {
      return null;
    }
  }

  /** Gives a version that has arrived the file's name. */
  void take(RemoteFile remote) throws IOException {
    Path arrived = part(remote);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("etag", remote.etag());
    json.put("size", Files.size(arrived));
    Files.createDirectories(file.getParent());
    // In this order, an interruption leaves a file that counts as old, to be fetched again.
    Files.deleteIfExists(facts);
    Files.move(arrived, file, StandardCopyOption.ATOMIC_MOVE);
    byte[] text = JsonFields.write(json).getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(facts, out -> out.write(text));
  }
}
