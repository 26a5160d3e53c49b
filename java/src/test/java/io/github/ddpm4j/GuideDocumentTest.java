package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.guide.Picture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java of docs/guide.md is one program that makes its pictures; it has them all. */
class GuideDocumentTest {
  private static final Path DOCUMENT = Path.of("..", "docs", "guide.md");

  @TempDir Path folder;

  @Test
  void thePartWithoutDataRuns() throws Exception {
    List<String> snippets =
        Snippets.of(DOCUMENT).stream().takeWhile(s -> !s.contains("DataFolder")).toList();
    Snippets.run("Walk", program(snippets), folder);
    assertThat(pictures())
        .containsExactlyInAnyOrderElementsOf(
            files(EnumSet.range(Picture.JUMPS, Picture.ANIMATION)));
  }

  @Test
  void thePartWithDataRuns() throws Exception {
    for (String dataset : List.of("mnist", "cifar-10-batches-bin")) {
      try {
        DataFolder.find(dataset, null);
      } catch (DataFormatException absent) {
        assumeTrue(false, absent.getMessage());
      }
    }
    List<String> snippets = Snippets.of(DOCUMENT);
    List<String> needed =
        snippets.stream()
            .filter(
                snippet ->
                    snippet == snippets.get(0)
                        || snippet.contains("pretrained")
                        || snippets.indexOf(snippet) >= firstWithData(snippets))
            .toList();
    Snippets.run("Walk", program(needed), folder);
    assertThat(pictures()).containsAll(files(EnumSet.range(Picture.QUALITY, Picture.TIMESTEPS)));
  }

  private static int firstWithData(List<String> snippets) {
    int first = 0;
    while (!snippets.get(first).contains("DataFolder")) {
      first++;
    }
    return first;
  }

  /** Imports stand before the class, the rest in its main method. */
  private String program(List<String> snippets) {
    List<String> lines = snippets.stream().flatMap(String::lines).toList();
    String imports =
        lines.stream().filter(line -> line.startsWith("import ")).collect(Collectors.joining("\n"));
    String body =
        lines.stream()
            .filter(line -> !line.startsWith("import "))
            .collect(Collectors.joining("\n"));
    return (imports
            + "\npublic class Walk {\n"
            + "public static void main(String[] arguments) throws Exception {\n"
            + body
            + "\n}}")
        .replace("Path.of(\"docs", "Path.of(\"../docs")
        .replaceAll("Path\\.of\\(\"(\\w)", "Path.of(\"" + folder + "/$1")
        // Fewer samples and noisy images than in the document.
        .replace(", 200, 0)", ", 8, 0)")
        .replace(", 16, 0)", ", 1, 0)");
  }

  private List<String> pictures() throws Exception {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".png") || name.endsWith(".gif"))
          .toList();
    }
  }

  private static List<String> files(Set<Picture> pictures) {
    return pictures.stream().map(Picture::fileName).toList();
  }

  @Test
  void everyPictureIsShownWhereItsFileIs() throws Exception {
    String document = Files.readString(DOCUMENT);
    List<String> shown =
        Pattern.compile("!\\[[^]]+]\\(([^)]+)\\)")
            .matcher(document)
            .results()
            .map(result -> result.group(1))
            .toList();
    assertThat(shown)
        .containsAll(
            Arrays.stream(Picture.values()).map(picture -> "guide/" + picture.fileName()).toList());
    for (String file : shown) {
      assertThat(DOCUMENT.resolveSibling(file)).isNotEmptyFile();
    }
  }
}
