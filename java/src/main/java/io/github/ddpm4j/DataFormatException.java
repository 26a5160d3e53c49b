package io.github.ddpm4j;

import java.nio.file.Path;

/** A data file that cannot be read: names the file, what was found and what was expected. */
public class DataFormatException extends DdpmException {
  private final Path file;

  public DataFormatException(Path file, String problem) {
    super(file + ": " + problem);
    this.file = file;
  }

  public Path file() {
    return file;
  }
}
