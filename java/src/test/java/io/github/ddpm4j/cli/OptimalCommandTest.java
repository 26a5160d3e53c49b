package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptimalCommandTest {
  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void writeData() throws IOException {
    write("train", 60);
    write("t10k", 12);
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
  }

  /** Random digits of classes 0 to 2. */
  private void write(String part, int count) throws IOException {
    byte[] pixels = new byte[count * 28 * 28];
    new Random(count).nextBytes(pixels);
    ByteBuffer images = ByteBuffer.allocate(16 + pixels.length);
    images.putInt(0x803).putInt(count).putInt(28).putInt(28).put(pixels);
    ByteBuffer labels = ByteBuffer.allocate(8 + count).putInt(0x801).putInt(count);
    for (int i = 0; i < count; i++) {
      labels.put((byte) (i % 3));
    }
    Files.write(folder.resolve(part + "-images-idx3-ubyte"), images.array());
    Files.write(folder.resolve(part + "-labels-idx1-ubyte"), labels.array());
  }

  private int run(String line) {
    return Main.run(
        ("optimal " + line)
            .replace("DATA", "--data " + folder)
            .replace("OUT", "--out " + folder.resolve("new"))
            .split(" "));
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ddim --steps 10", "ddpm --steps 40"})
  void samplesAreTrainingImages(String sampler) throws IOException {
    String line = "sample DATA --model none --count 3 --class 1 --sampler " + sampler;
    assertThat(run(line + " --out " + folder.resolve("new/a.png"))).as(errors()).isZero();
    assertThat(output()).contains("training image: 0.000 median, 0.000 to 0.000");
    assertThat(run(line + " --out " + folder.resolve("b.png"))).isZero();
    assertThat(folder.resolve("b.png")).hasSameBinaryContentAs(folder.resolve("new/a.png"));
    assertThat(run(line + " --seed 1 --out " + folder.resolve("c.png"))).isZero();
    assertThat(Files.mismatch(folder.resolve("b.png"), folder.resolve("c.png"))).isNotNegative();
  }

  @Test
  void relativesAreSampledFromTheSameNoise() throws IOException {
    String line = "sample DATA --model none --count 2 --steps 3 --images 9 ";
    String all = "gaussian,smoothed,local,equivariant,patches,optimal";
    Path picture = folder.resolve("a.png");
    assertThat(run(line + "--class 1 --patch-size 3 --denoiser " + all + " --out " + picture))
        .as(errors())
        .isZero();
    assertThat(output().lines().map(row -> row.split(" ")[0]).limit(6))
        .containsExactly(all.split(","));
    int cell = ImageIO.read(picture.toFile()).getHeight() / 12;
    assertThat(cell).isGreaterThan(84);
    assertThat(run(line + "--denoiser patches --patch-size 29")).isEqualTo(2);
    assertThat(errors()).contains("patch size is 29");
  }

  @Test
  void theReportStandsInItsFolder() throws IOException {
    assertThat(run("report DATA OUT --model none --count 2 --timesteps 3 --steps 5"))
        .as(errors())
        .isZero();
    Path report = folder.resolve("new");
    assertThat(Files.readAllLines(report.resolve("report.csv"))).hasSize(1 + 2 * 3);
    assertThat(ImageIO.read(report.resolve("report.png").toFile())).isNotNull();
    assertThat(ImageIO.read(report.resolve("samples.png").toFile())).isNotNull();
  }

  @Test
  void theBundledNetworkIsSetBesideMnist() {
    assertThat(run("sample DATA --count 1 --steps 2 --out " + folder.resolve("new.png"))).isZero();
    assertThat(output()).containsPattern("optimal +distance").containsPattern("network +distance");
  }

  @Test
  void aNetworkOfOtherImagesIsRefused() {
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
    Path saved = folder.resolve("model");
    try (DiffusionModel small =
        new DiffusionModel(UNet.create(config, Device.cpu(), 1), SchedulerConfig.defaults())) {
      small.save(saved);
    }
    assertThat(run("sample DATA --model " + saved)).isEqualTo(2);
    assertThat(errors()).contains("makes images of 8x8x1, expected 28x28x1");
  }

  @Test
  void denoisingTellsWhatTheImageIsMadeOf() throws IOException {
    String line = "denoise DATA --images 50 --timestep 999 --top 4 --index 11 ";
    assertThat(run(line + "--out " + folder.resolve("x.png"))).as(errors()).isZero();
    assertThat(ImageIO.read(folder.resolve("x.png").toFile())).isNotNull();
    assertThat(output().lines().filter(row -> row.matches("\\d+ +[0-2] +0\\.\\d{6}"))).hasSize(4);
    assertThat(output()).containsPattern("effective sample size \\d+\\.\\d\\d of 50");
  }

  @Test
  void denoisingTakesAFile() {
    Path file = folder.resolve("digit.png");
    new Images(1, 28, 28, 1, new float[28 * 28]).saveGrid(file, 1, 1);
    assertThat(run("denoise DATA --image " + file + " --out " + folder.resolve("x.png"))).isZero();
    assertThat(run("denoise DATA --image " + folder.resolve("x.png") + " OUT")).isEqualTo(1);
    assertThat(errors()).contains("pixels, expected 28 x 28");
  }

  @ParameterizedTest
  @CsvSource({
    "'', Missing required subcommand",
    "sample --dataset imagenet, imagenet",
    "sample --class cat, cat",
    "sample --denoiser psychic, psychic",
    "report DATA, --out",
    "denoise DATA, --index",
    "denoise DATA --index 1 --image x.png, mutually exclusive"
  })
  void wrongUsageEndsWithTwo(String line, String complaint) {
    assertThat(run(line)).isEqualTo(2);
    assertThat(errors()).contains(complaint).doesNotContain("\tat ");
  }

  @ParameterizedTest
  @CsvSource({
    "sample DATA --class 7, no image of class 7",
    "sample DATA --images 61, 'number of images is 61, expected 1 to 60'",
    "sample DATA --count 0 --model none, count is 0",
    "sample DATA --model giraffes, no model named 'giraffes'",
    "report DATA OUT --count 13, 'count is 13, expected 1 to the 12 images there are'",
    "report DATA OUT --timesteps 1, number of timesteps is 1",
    "denoise DATA --index 12, image is 12",
    "denoise DATA --index 1 --timestep 1000, 1000",
    "denoise DATA --index 1 --timestep -1, -1",
    "denoise DATA --index 1 --top 0, k is 0"
  })
  void valuesThatDoNotFitEndWithTwoToo(String line, String reason) {
    assertThat(run(line)).isEqualTo(2);
    assertThat(errors()).contains("ddpm4j: ").contains(reason).doesNotContain("\tat ");
  }

  @Test
  void missingDataEndsWithOne() {
    assertThat(run("sample --dataset cifar10 DATA")).isEqualTo(1);
    assertThat(errors()).contains("ddpm4j: ").contains("cifar-10-batches-bin");
  }
}
