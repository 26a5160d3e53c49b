package io.github.ddpm4j.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The files of benchmarks/shapes, which native/kernel_bench reads too. */
final class Shapes {
  private Shapes() {}

  /** Numbers by name; a line is a name, then whole numbers. */
  static Map<String, int[]> read(String file, int numbers) {
    Path path = Path.of(System.getProperty("shapes", "benchmarks/shapes"), file);
    Map<String, int[]> shapes = new LinkedHashMap<>();
    try {
      for (String line : Files.readAllLines(path)) {
        String[] words = line.strip().split("\\s+");
        if (words[0].isEmpty() || words[0].startsWith("#")) {
          continue;
        }
        if (words.length != 1 + numbers) {
          throw new IllegalStateException(
              path + ": " + words[0] + " must have " + numbers + " numbers");
        }
        shapes.put(words[0], Arrays.stream(words).skip(1).mapToInt(Integer::parseInt).toArray());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return shapes;
  }
}
