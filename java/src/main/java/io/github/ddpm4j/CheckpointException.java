package io.github.ddpm4j;

import java.nio.file.Path;

/**
 * A checkpoint that cannot be read: names the file, the part of it that is wrong, and what was
 * expected.
 */
public class CheckpointException extends DdpmException {
  private final Path file;

  /**
   * @param file the file, or folder, at fault
   * @param part the tensor, key or header field at fault
   * @param problem what was found and what was expected
   */
  public CheckpointException(Path file, String part, String problem) {
    super(file + ": " + part + ": " + problem);
    this.file = file;
  }

  public Path file() {
    return file;
  }
}
