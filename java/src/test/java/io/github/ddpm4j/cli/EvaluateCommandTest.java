package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.ddpm4j.data.NpyArray;
import io.github.ddpm4j.data.NpzFile;
import io.github.ddpm4j.image.Images;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ddpm4j evaluate} on files of pictures, which need no data set. */
class EvaluateCommandTest {
  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void capture() {
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
  }

  /** Blots of random size and place, as files of all kinds. */
  private static byte[] blots(int count, int seed) {
    Random random = new Random(seed);
    byte[] pixels = new byte[count * 784];
    for (int i = 0; i < count; i++) {
      int x = 8 + random.nextInt(12), y = 8 + random.nextInt(12), r = 2 + random.nextInt(5);
      for (int p = 0; p < 784; p++) {
        int dx = p % 28 - x, dy = p / 28 - y;
        pixels[i * 784 + p] = (byte) (dx * dx + dy * dy <= r * r ? 255 : 0);
      }
    }
    return pixels;
  }

  private Path npz(String name, byte[] pixels) {
    Path file = folder.resolve(name);
    int[] shape = {pixels.length / 784, 28, 28, 1};
    NpzFile.write(file, Map.of("arr_0", NpyArray.of(shape, pixels)));
    return file;
  }

  private Path pngs(byte[] pixels) {
    float[] values = new float[pixels.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (pixels[i] & 0xff) / 127.5f - 1;
    }
    Path images = folder.resolve("images");
    new Images(values.length / 784, 28, 28, 1, values).save(images);
    return images;
  }

  private JsonNode json(String... arguments) throws IOException {
    out.reset();
    assertThat(Main.run(arguments)).as(err.toString(StandardCharsets.UTF_8)).isZero();
    return new ObjectMapper().readTree(out.toByteArray());
  }

  @Test
  void aFolderAnArchiveAndStatisticsOfTheSameImagesAreTheSame() throws IOException {
    byte[] pixels = blots(40, 1);
    String pictures = pngs(pixels).toString();
    String archive = npz("images.npz", pixels).toString();
    String statistics = folder.resolve("stats.npz").toString();
    JsonNode same =
        json("evaluate", pictures, "--against", archive, "--json", "--save-statistics", statistics);
    assertThat(same.get("images").asInt()).isEqualTo(40);
    assertThat(same.get("features").asText()).isEqualTo("mnist");
    assertThat(same.get("dimension").asInt()).isEqualTo(128);
    // Features have variances of about a hundred in all.
    assertThat(same.get("frechet_distance").asDouble()).isCloseTo(0, within(1e-9));
    assertThat(same.get("precision").asDouble()).isEqualTo(1);
    assertThat(same.get("recall").asDouble()).isEqualTo(1);
    assertThat(same.has("kernel_distance")).isFalse();
    assertThat(same.get("kernel_distance_all_pairs").asDouble()).isNegative();
    assertThat(same.get("inception_score").asDouble()).isBetween(1.0, 10.0);
    JsonNode beside = json("evaluate", archive, "--against", statistics, "--json");
    assertThat(beside.get("frechet_distance").asDouble()).isCloseTo(0, within(1e-9));
    assertThat(beside.has("precision")).isFalse();
  }

  @Test
  void theTableHasTheFiguresThatThereAre() {
    String first = npz("first.npz", blots(1010, 1)).toString();
    String second = npz("second.npz", blots(1000, 2)).toString();
    assertThat(Main.run("evaluate", first, "--against", second, "-n", "1000")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .containsPattern("images +.*first.npz, 1000")
        .containsPattern("against +.*second.npz, 1000")
        .containsPattern("Fréchet distance +\\d")
        .containsPattern("kernel distance +-?\\d.* ± .*100 subsets of 1000")
        .containsPattern("kernel distance +-?\\d.*all pairs")
        .containsPattern("Inception score +\\d.* ± .*10 splits")
        .containsPattern("precision +[01]\\.")
        .containsPattern("recall +[01]\\.");
  }

  @ParameterizedTest
  @CsvSource({
    "evaluate FILE --features inception, --weights FILE",
    "evaluate FILE --weights FILE, --weights FILE",
    "evaluate FILE --features vgg, vgg",
    "evaluate nothing --against FILE, source is 'nothing'",
    "evaluate FILE --against FILE -n 11, count is 11",
    "evaluate FILE --against FILE -n 1, has 1 images",
    "evaluate stats.npz --against FILE, nowhere"
  })
  void wrongUsageIsTold(String line, String reason) {
    String file = npz("ten.npz", blots(10, 1)).toString();
    int code = Main.run(line.replace("FILE", file).split(" "));
    assertThat(code).isEqualTo(reason.equals("nowhere") ? 1 : 2);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains(reason.equals("nowhere") ? "stats.npz" : reason)
        .doesNotContain("\tat ");
  }
}
