package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.guide.Picture;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GuideCommandTest {
  @TempDir static Path shared;

  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  /** An untrained model of digits and one of other pictures, and few digits of noise. */
  @BeforeAll
  static void makeModelsAndData() throws Exception {
    saveModel("model", 28);
    saveModel("small", 8);
    writeDigits("train", 60);
    writeDigits("t10k", 12);
    Files.writeString(
        shared.resolve("loss.csv"),
        "step,loss,gradient_norm,learning_rate\n1,0.9,1,1e-3\n2,0.5,1,1e-3\n");
    Files.createDirectory(shared.resolve("bad"));
    Files.writeString(shared.resolve("bad/loss.csv"), "step,loss\none\n");
  }

  private static void saveModel(String name, int size) {
    UNetConfig config =
        UNetConfig.builder()
            .sampleSize(size)
            .inChannels(1)
            .outChannels(1)
            .blockOutChannels(8, 8)
            .downBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .upBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .layersPerBlock(1)
            .normNumGroups(4)
            .build();
    try (DiffusionModel model =
        new DiffusionModel(UNet.create(config, Device.cpu(), 1), SchedulerConfig.defaults())) {
      model.save(shared.resolve(name));
    }
  }

  private static void writeDigits(String part, int count) throws Exception {
    byte[] pixels = new byte[count * 28 * 28];
    new Random(count).nextBytes(pixels);
    ByteBuffer images = ByteBuffer.allocate(16 + pixels.length);
    images.putInt(0x803).putInt(count).putInt(28).putInt(28).put(pixels);
    Files.write(shared.resolve(part + "-images-idx3-ubyte"), images.array());
    ByteBuffer labels = ByteBuffer.allocate(8 + count).putInt(0x801).putInt(count);
    Files.write(shared.resolve(part + "-labels-idx1-ubyte"), labels.array());
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
  }

  private int run(String line) {
    return Main.run(
        ("guide " + line + " --out " + folder.resolve("new"))
            .replace("SHARED", shared.toString())
            .split(" "));
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void allIsDrawnButWhatDataAreMissingFor() throws Exception {
    assertThat(run("all --model SHARED/model --data SHARED --count 3")).as(errors()).isZero();
    Set<Picture> missing = Set.of(Picture.LOSS, Picture.OPTIMAL_CIFAR10);
    for (Picture picture : Picture.values()) {
      Path file = folder.resolve("new").resolve(picture.fileName());
      if (missing.contains(picture)) {
        assertThat(output()).contains("left out " + picture.label() + ": ");
        assertThat(file).doesNotExist();
      } else {
        assertThat(output()).contains("wrote " + file);
        BufferedImage image = ImageIO.read(file.toFile());
        // As wide as a README's column, within a little.
        assertThat(image.getWidth()).as(picture.label()).isBetween(400, 1000);
        assertThat(image.getHeight()).as(picture.label()).isBetween(150, 1000);
      }
    }
    assertThat(output()).contains("cifar-10-batches-bin is in none of", "no training run is given");
    ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
    try (ImageInputStream in =
        ImageIO.createImageInputStream(folder.resolve("new/animation.gif").toFile())) {
      reader.setInput(in);
      assertThat(reader.getNumImages(true)).isEqualTo(15);
    } finally {
      reader.dispose();
    }
  }

  @Test
  void theFirstPartIsOfAnyPicture() throws Exception {
    Path photo = folder.resolve("photo.png");
    float[] pixels = new float[100 * 120 * 3];
    for (int p = 0; p < pixels.length; p += 3) {
      pixels[p] = 1;
    }
    new Images(1, 100, 120, 3, pixels).saveGrid(photo, 1, 1);
    assertThat(run("noise --model SHARED/small --picture " + photo)).as(errors()).isZero();
    BufferedImage image = ImageIO.read(folder.resolve("new/noise.png").toFile());
    // x_0 stands on the left; its values were 1, 0 and 0.
    assertThat(image.getRGB(100, image.getHeight() - 100) & 0xffffff).isEqualTo(0xff8080);
    assertThat(folder.resolve("new/jumps.png")).doesNotExist();
  }

  @Test
  void aRunsLossesAreDrawn() throws Exception {
    assertThat(run("loss --model SHARED/small --run SHARED")).as(errors()).isZero();
    assertThat(ImageIO.read(folder.resolve("new/loss.png").toFile()).getWidth()).isEqualTo(900);
  }

  @ParameterizedTest
  @CsvSource({
    "sunset, 2, 'no picture is named ''sunset'', expected one of jumps, steps'",
    "loss, 2, no training run is given",
    "loss --run SHARED/nowhere, 1, loss.csv: cannot be read",
    "loss --run SHARED/bad, 1, loss.csv: is not a log of losses",
    "optimal-cifar10 --data SHARED/nowhere, 1, cifar-10-batches-bin is in none of",
    "quality --data SHARED, 2, 'the model draws 8x8x1, expected digits of 28x28x1'",
    "quality --data SHARED --model SHARED/model --count 11, 2, 11 samples and 12 real images",
    "jumps --picture SHARED/loss.csv, 1, is not an image"
  })
  void whatCannotBeDrawnIsSaid(String line, int code, String complaint) {
    String model = line.contains("--model") ? "" : " --model SHARED/small";
    assertThat(run(line + model)).isEqualTo(code);
    assertThat(errors()).contains(complaint).doesNotContain("\tat ");
  }
}
