package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.ConvolutionShape;
import io.github.ddpm4j.ConvolutionTable;
import io.github.ddpm4j.ConvolutionTuning;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  @TempDir static Path shared;
  private static String model;
  private static long parameters;

  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final int threads = Device.threads();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void saveSmallModel() {
    UNetConfig config =
        UNetConfig.builder()
            .sampleSize(8)
            .inChannels(1)
            .outChannels(1)
            .blockOutChannels(8, 8)
            .downBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .upBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .layersPerBlock(1)
            .normNumGroups(4)
            .build();
    Path saved = shared.resolve("model");
    try (DiffusionModel small =
        new DiffusionModel(UNet.create(config, Device.cpu(), 1), SchedulerConfig.defaults())) {
      small.save(saved);
      parameters = small.unet().parameters().count();
    }
    model = saved.toString();
  }

  @BeforeEach
  void capture() {
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
    Device.setThreads(threads);
    Device.setPrecision("float32");
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private Path sample(String name, String... options) {
    Path file = folder.resolve(name);
    String[] common = {
      "sample", "--model", model, "-n", "3", "--steps", "2", "--out", file.toString()
    };
    String[] arguments = new String[common.length + options.length];
    System.arraycopy(common, 0, arguments, 0, common.length);
    System.arraycopy(options, 0, arguments, common.length, options.length);
    assertThat(Main.run(arguments)).as(errors()).isZero();
    return file;
  }

  @Test
  void sampleWritesAGridOfTheGivenForm() throws IOException {
    BufferedImage grid =
        ImageIO.read(sample("new/grid.png", "--columns", "3", "--scale", "4").toFile());
    assertThat(grid.getWidth()).isEqualTo(3 * 32 + 2 * 2);
    assertThat(grid.getHeight()).isEqualTo(32);
    assertThat(output()).contains("wrote 3 images to ").contains("grid.png");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ddpm", "DDIM", "dpm++2m-sde", "euler-ancestral"})
  void theSeedDecidesTheImages(String sampler) throws IOException {
    byte[] first = Files.readAllBytes(sample("1.png", "--sampler", sampler, "--seed", "5"));
    byte[] again =
        Files.readAllBytes(sample("2.png", "--sampler", sampler, "--seed", "5", "--threads", "1"));
    byte[] other = Files.readAllBytes(sample("3.png", "--sampler", sampler, "--seed", "6"));
    assertThat(again).isEqualTo(first);
    assertThat(other).isNotEqualTo(first);
  }

  @Test
  void aPrecisionChangesTheImages() throws IOException {
    byte[] exact = Files.readAllBytes(sample("1.png"));
    byte[] rounded = Files.readAllBytes(sample("2.png", "--precision", "bfloat16"));
    byte[] again = Files.readAllBytes(sample("3.png", "--precision", "bfloat16", "--threads", "1"));
    assertThat(rounded).isNotEqualTo(exact).isEqualTo(again);
  }

  @Test
  void infoTellsOfTheMachineAndTheModel() {
    assertThat(Main.run("info", "--model", model)).isZero();
    assertThat(output())
        .contains(Device.nativeVersion(), Device.cpuIsa(), Device.cudaStatus())
        .contains(Device.threads() + " threads")
        .containsPattern("total\\s+" + String.format("%,d", parameters));
  }

  @Test
  void infoShowsTheLeastTimeOfALayerOnAMachineOfGivenPeaks() {
    // A machine so slow at sums that only multiplications count.
    assertThat(Main.run("info", "--model", model, "--batch", "2", "--peak=0.001", "--bandwidth=1"))
        .isZero();
    long macs;
    try (DiffusionModel open = DiffusionModel.load(Path.of(model))) {
      macs = open.unet().macs(8, 8);
    }
    assertThat(output())
        .containsPattern(
            "total\\s+[\\d,]+\\s+"
                + String.format(Locale.ROOT, "%,d", 2 * macs)
                + "\\s+[\\d,]+\\s+"
                + (2 * 2 * macs / 1000));
  }

  @Test
  void tuneKeepsChoicesOfEveryModel() throws IOException {
    Path file = folder.resolve("tables/here.json");
    ConvolutionShape other = ConvolutionShape.parse("9x9 3->3");
    ConvolutionTable.of(Map.of(other, "winograd2")).save(file);
    assertThat(Main.run("tune", "--model", model, "--out", file.toString())).as(errors()).isZero();
    List<ConvolutionShape> shapes;
    try (DiffusionModel open = DiffusionModel.load(Path.of(model))) {
      shapes = ConvolutionTuning.shapesOf(open.unet(), 8, 8);
    }
    assertThat(shapes).hasSizeGreaterThan(3);
    assertThat(ConvolutionTable.load(file).algorithms())
        .containsKeys(shapes.toArray(ConvolutionShape[]::new))
        .containsEntry(other, "winograd2")
        .hasSize(shapes.size() + 1);
    shapes.forEach(shape -> assertThat(output()).contains(shape + " "));
    assertThat(output()).contains("wrote " + (shapes.size() + 1) + " choices to " + file);
  }

  @Test
  void compareTellsWhetherAModelAgrees() {
    String reference = "src/test/resources/reference/";
    String recording = reference + "v-prediction-ddim/recording.safetensors";
    assertThat(Main.run("compare", reference + "v-prediction-ddim", recording)).isZero();
    assertThat(output()).contains("output ", "step 20 ", "max rel beyond 1.0e-04: nowhere");
    assertThat(Main.run("compare", reference + "defaults", recording)).isEqualTo(1);
    assertThat(output()).contains("first at output");
  }

  @Test
  void versionAndHelpAreThere() {
    assertThat(Main.run("--version")).isZero();
    assertThat(output()).startsWith("ddpm4j ");
    assertThat(Main.run("sample", "--help")).isZero();
    assertThat(output()).contains("--count", "--seed", "--sampler", "--steps", "--threads");
  }

  @ParameterizedTest
  @CsvSource({
    "'', Missing required subcommand",
    "paint, paint",
    "sample --colour red, --colour",
    "sample --count many, many",
    "sample --sampler lms, lms",
    "train, --out",
    "info --threads 0, threads",
    "info --precision float16, 'float16'",
    "sample --model MODEL --count 0, count is 0",
    "sample --model MODEL --steps 1001, number of steps is 1001",
    "sample --model giraffes, no model named 'giraffes'",
    "sample --model hub:../x, repository is '../x'",
    "sample --model hub:a/b@../x, revision is '../x'"
  })
  void wrongUsageEndsWithTwo(String line, String complaint) {
    assertThat(Main.run(line.isEmpty() ? new String[0] : line.replace("MODEL", model).split(" ")))
        .isEqualTo(2);
    assertThat(errors()).contains(complaint).doesNotContain("\tat ");
  }

  @ParameterizedTest
  @CsvSource({
    "sample --model ./nowhere, config.json",
    "sample --model MODEL --device cuda, device 'cuda:0' cannot be used"
  })
  void failuresEndWithOneAndALineThatSaysWhy(String line, String reason) {
    assertThat(Main.run(line.replace("MODEL", model).split(" "))).isEqualTo(1);
    assertThat(errors()).contains("ddpm4j: ").contains(reason).doesNotContain("\tat ");
  }

  @Test
  void verboseShowsWhereAFailureComesFrom() {
    assertThat(Main.run("sample", "--model", "giraffes", "--verbose")).isEqualTo(2);
    assertThat(errors()).contains("\tat io.github.ddpm4j.checkpoint");
  }
}
