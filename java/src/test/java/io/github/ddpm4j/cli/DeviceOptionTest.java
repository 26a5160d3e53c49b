package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.CudaComparison;
import io.github.ddpm4j.Device;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --device} of the commands, on data in MNIST's format. */
class DeviceOptionTest {
  private static final int IMAGES = 12;
  private static final String PLAN =
      """
      {
        "network": {
          "_class_name": "UNet2DModel",
          "sample_size": 28, "in_channels": 1, "out_channels": 1,
          "block_out_channels": [4], "norm_num_groups": 2, "layers_per_block": 1,
          "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"],
          "add_attention": false
        },
        "scheduler": {"_class_name": "DDPMScheduler"},
        "training": {"steps": 2, "batch": 1, "checkpoint_every": 1000, "sample_every": 0}
      }
      """;

  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void writeData() throws IOException {
    for (String part : List.of("train", "t10k")) {
      byte[] pixels = new byte[IMAGES * 28 * 28];
      new Random(1).nextBytes(pixels);
      ByteBuffer images = ByteBuffer.allocate(16 + pixels.length);
      images.putInt(0x803).putInt(IMAGES).putInt(28).putInt(28).put(pixels);
      ByteBuffer labels = ByteBuffer.allocate(8 + IMAGES).putInt(0x801).putInt(IMAGES);
      Files.write(folder.resolve(part + "-images-idx3-ubyte"), images.array());
      Files.write(folder.resolve(part + "-labels-idx1-ubyte"), labels.array());
    }
    Files.writeString(folder.resolve("plan.json"), PLAN);
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
  }

  private int run(String line) {
    return Main.run(line.replace("DIR", folder.toString()).split(" "));
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train --data DIR --out DIR/run --config DIR/plan.json",
        "train --data DIR --out DIR/run --from mnist",
        "optimal sample --data DIR --out DIR/a.png",
        "optimal report --data DIR --out DIR/report",
        "optimal denoise --data DIR --index 1 --out DIR/a.png"
      })
  void aDeviceThatCannotBeUsedIsSaidWithTheReason(String line) {
    String none = "cuda:" + Device.cudaCount();
    assertThat(run(line + " --device " + none)).isEqualTo(1);
    assertThat(errors())
        .contains("ddpm4j: device '" + none + "' cannot be used: " + Device.cudaStatus())
        .doesNotContain("\tat ");
    err.reset();
    assertThat(run(line + " --device gpu")).isEqualTo(2);
    assertThat(errors()).contains("device is 'gpu', expected cpu, cuda or cuda:N");
  }

  @Test
  void trainsOnADeviceAndResumesThere() {
    CudaComparison.device();
    String line = "train --data DIR --out DIR/run --config DIR/plan.json --device cuda ";
    assertThat(run(line + "--steps 1")).as(errors()).isZero();
    assertThat(folder.resolve("run/model/diffusion_pytorch_model.safetensors")).exists();
    assertThat(run(line + "--steps 1 --resume")).as(errors()).isZero();
    assertThat(
            run("sample --model DIR/run/model --count 1 --steps 2 --device cuda --out DIR/s.png"))
        .as(errors())
        .isZero();
  }

  @Test
  void theOptimalDenoiserOfADeviceDrawsTheCpusImages() {
    CudaComparison.device();
    String line = "optimal sample --data DIR --model none --count 2 --steps 2 --out DIR/";
    assertThat(run(line + "cpu.png")).as(errors()).isZero();
    assertThat(run(line + "cuda.png --device cuda:0")).as(errors()).isZero();
    assertThat(folder.resolve("cuda.png")).hasSameBinaryContentAs(folder.resolve("cpu.png"));
    String denoise = "optimal denoise --data DIR --index 1 --top 2 --out DIR/";
    assertThat(run(denoise + "x.png")).as(errors()).isZero();
    assertThat(run(denoise + "y.png --device cuda")).as(errors()).isZero();
    assertThat(folder.resolve("y.png")).hasSameBinaryContentAs(folder.resolve("x.png"));
    String report = "optimal report --data DIR --model none --count 1 --timesteps 2 --steps 2";
    assertThat(run(report + " --device cuda --out DIR/report")).as(errors()).isZero();
  }
}
