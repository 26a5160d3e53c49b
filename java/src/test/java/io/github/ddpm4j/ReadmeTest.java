package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's Java example compiles, runs, and is short enough to be read. */
class ReadmeTest {
  @TempDir Path folder;

  @Test
  void theExampleRuns() throws Exception {
    String source = Snippets.of(Path.of("..", "README.md")).get(0);
    assertThat(source.lines().count()).isLessThanOrEqualTo(20);
    // The example writes into the current folder; here it must not.
    Snippets.run("Digits", source.replace("Path.of(\"", "Path.of(\"" + folder + "/"), folder);
    assertThat(folder.resolve("digits.png")).isNotEmptyFile();
  }
}
