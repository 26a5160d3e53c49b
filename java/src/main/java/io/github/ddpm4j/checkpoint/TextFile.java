package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** JSON files of checkpoints. */
final class TextFile {
  /** Far above any configuration or index. */
  private static final int LONGEST = 16 << 20;

  private TextFile() {}

  /**
   * Reads a file.
   *
   * @throws CheckpointException if it cannot be read or is too long
   */
  static String read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LONGEST + 1);
      if (bytes.length > LONGEST) {
        throw new CheckpointException(file, "file", "is longer than " + LONGEST + " bytes");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException e) {
      CheckpointException failure = new CheckpointException(file, "file", "cannot be read: " + e);
      failure.initCause(e);
      throw failure;
    }
  }
}
