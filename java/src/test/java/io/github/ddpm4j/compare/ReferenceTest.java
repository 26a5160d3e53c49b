package io.github.ddpm4j.compare;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.checkpoint.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Models in every form of folder against what libtorch made of them. */
class ReferenceTest {
  private static final Path REFERENCE = Path.of("src/test/resources/reference");

  /**
   * Ours may be four times as far from an exact run as libtorch's float32 run is, which is noted in
   * the recording; so the two are at most five times as far apart. Four is room for other orders of
   * the same roundings, as in the tests of networks.
   */
  private static final double MULTIPLE = 5;

  /** What is promised of any model. */
  private static final double PROMISED = 1e-4;

  static List<Path> models() throws IOException {
    try (Stream<Path> folders = Files.list(REFERENCE)) {
      return folders.filter(Files::isDirectory).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void agreesWithLibtorch(Path folder) {
    Path file = folder.resolve("recording.safetensors");
    Map<String, String> metadata = Safetensors.read(file).metadata();
    try (DiffusionModel model = DiffusionModel.load(folder)) {
      Comparison comparison = Comparison.of(model, Recording.read(file));
      assertThat(comparison.notCompared()).isEmpty();
      assertThat(comparison.firstBeyond(PROMISED)).as(comparison.table(PROMISED)).isEmpty();
      Difference output = comparison.layers().get(comparison.layers().size() - 1);
      assertThat(output.name()).isEqualTo("output");
      assertThat(output.maxRel()).isLessThan(MULTIPLE * number(metadata, "output_error"));
      for (Difference step : comparison.trajectory()) {
        assertThat(step.maxRel())
            .as(step.name())
            .isLessThan(MULTIPLE * number(metadata, "trajectory_error"));
      }
    }
  }

  private static double number(Map<String, String> metadata, String key) {
    return Double.parseDouble(metadata.get(key));
  }

  @Test
  void theRecordingsAreOfEveryKind() throws IOException {
    assertThat(models()).hasSizeGreaterThanOrEqualTo(12);
    long bytes = 0;
    boolean layers = false;
    boolean noise = false;
    try (Stream<Path> files = Files.walk(REFERENCE)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
        if (file.endsWith("recording.safetensors")) {
          var names = Safetensors.read(file).names();
          layers |= names.contains("layers.mid_block.attentions.0");
          noise |= names.contains("noise");
        }
      }
    }
    assertThat(bytes).isLessThan(10_000_000);
    assertThat(layers && noise).isTrue();
  }
}
