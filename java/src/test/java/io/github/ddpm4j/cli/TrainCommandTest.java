package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training from the command line, on data in MNIST's format. */
class TrainCommandTest {
  private static final int IMAGES = 64;
  private static final String PLAN =
      """
      {
        "network": {
          "_class_name": "UNet2DModel",
          "sample_size": 28, "in_channels": 1, "out_channels": 1,
          "block_out_channels": [8, 8], "norm_num_groups": 4, "layers_per_block": 1,
          "down_block_types": ["DownBlock2D", "DownBlock2D"],
          "up_block_types": ["UpBlock2D", "UpBlock2D"]
        },
        "scheduler": {"_class_name": "DDPMScheduler"},
        "training": {"steps": 1000, "batch": 16, "checkpoint_every": 1000, "sample_every": 0}
      }
      """;

  @TempDir static Path shared;

  @BeforeAll
  static void makeData() throws IOException {
    byte[] pixels = new byte[IMAGES * 784];
    new Random(1).nextBytes(pixels);
    byte[] labels = new byte[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
      labels[i] = (byte) (i % 10);
    }
    for (String part : List.of("train", "t10k")) {
      write(part + "-images-idx3-ubyte", pixels, IMAGES, 28, 28);
      write(part + "-labels-idx1-ubyte", labels, IMAGES);
    }
    Files.writeString(shared.resolve("plan.json"), PLAN);
  }

  private static void write(String name, byte[] data, int... sizes) throws IOException {
    try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(shared.resolve(name)))) {
      out.writeInt(0x800 + sizes.length);
      for (int size : sizes) {
        out.writeInt(size);
      }
      out.write(data);
    }
  }

  private static String[] train(Path out, String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("train", "--data", shared.toString(), "--out", out.toString()));
    arguments.addAll(List.of("--config", shared.resolve("plan.json").toString()));
    arguments.addAll(Arrays.asList(options));
    return arguments.toArray(String[]::new);
  }

  @Test
  void optionsTakeThePlaceOfTheConfiguration() throws IOException {
    Path run = shared.resolve("run");
    assertThat(Main.run(train(run, "--epochs", "2", "--batch", "32", "--lr", "0.5"))).isZero();
    // Two passes over 64 images, 32 at a time; the first of 1000 warm-up steps.
    List<String> rows = Files.readAllLines(run.resolve("loss.csv"));
    assertThat(rows).hasSize(1 + 4);
    assertThat(rows.get(1)).endsWith(",5.0E-4");
    assertThat(run.resolve("model/diffusion_pytorch_model.safetensors")).exists();

    String model = run.resolve("model").toString();
    assertThat(
            Main.run(
                "evaluate",
                "--data",
                shared.toString(),
                "--model",
                model,
                "--count",
                "10",
                "--steps",
                "2"))
        .isZero();
    assertThat(Main.run(train(run, "--steps", "4", "--epochs", "2"))).isEqualTo(2);

    Path terms = shared.resolve("terms.csv");
    for (String judged : List.of("--train", "--optimal")) {
      List<String> likelihood =
          List.of("likelihood", "--data", shared.toString(), "--model", model, "--count", "2");
      List<String> options = List.of(judged, "--out", terms.toString());
      assertThat(
              Main.run(Stream.concat(likelihood.stream(), options.stream()).toArray(String[]::new)))
          .isZero();
      assertThat(Files.readAllLines(terms)).hasSize(1 + 1000);
    }

    // The same data and noise, but another network: the loss of the first step is another.
    Path tuned = shared.resolve("tuned");
    assertThat(Main.run(train(tuned, "--from", model, "--steps", "1", "--batch", "32"))).isZero();
    String[] fresh = rows.get(1).split(",");
    String[] from = Files.readAllLines(tuned.resolve("loss.csv")).get(1).split(",");
    assertThat(from[1]).isNotEqualTo(fresh[1]);
    assertThat(Main.run(train(tuned, "--from", "mnist"))).isEqualTo(2);
  }

  @Test
  void aSignalEndsTheRunAfterItsStepAndResumeGoesOn() throws Exception {
    Path whole = shared.resolve("whole");
    assertThat(Main.run(train(whole, "--steps", "300"))).isZero();

    Path stopped = shared.resolve("stopped");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(train(stopped, "--steps", "300")));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (BufferedReader output = process.inputReader()) {
      // The progress bar rewrites its line.
      StringBuilder line = new StringBuilder();
      while (!line.toString().contains("loss ")) {
        int c = output.read();
        assertThat(c).as("the run ended early: " + line).isNotNegative();
        line.append((char) c);
      }
      // Not Process.destroy, which closes the output too.
      process.toHandle().destroy();
      assertThat(output.lines().toList()).last().asString().contains("--resume goes on");
    }
    // As the shell has it: 128 and SIGTERM's 15.
    assertThat(process.waitFor()).isEqualTo(143);
    assertThat(stopped.resolve("model")).doesNotExist();

    assertThat(Main.run(train(stopped, "--steps", "300", "--resume"))).isZero();
    assertThat(stopped.resolve("loss.csv")).hasSameBinaryContentAs(whole.resolve("loss.csv"));
  }
}
