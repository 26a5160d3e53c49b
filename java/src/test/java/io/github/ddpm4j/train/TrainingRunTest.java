package io.github.ddpm4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.unet.UNet;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
  private static final long STEPS = 40;

  @TempDir Path folder;

  private static byte[] train(Path into, boolean resume) throws IOException {
    try (UNet unet = TinyRun.unet()) {
      TinyRun.run(unet, TinyRun.config(STEPS, 8, 1), into).run(resume, result -> {});
    }
    return Files.readAllBytes(into.resolve("loss.csv"));
  }

  @Test
  void aRunThatIsKilledGoesOnWithTheSameBits() throws Exception {
    byte[] expected = train(folder.resolve("whole"), false);

    Path killed = folder.resolve("killed");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                TinyRun.class.getName(),
                killed.toString(),
                Long.toString(STEPS))
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output = process.inputReader()) {
      // Past the second checkpoint, well before the third.
      for (String line = output.readLine(); !"step 23".equals(line); line = output.readLine()) {
        assertThat(line).as("the run ended early").isNotNull();
      }
      process.destroyForcibly().waitFor();
    }

    assertThat(train(killed, true)).isEqualTo(expected);
    for (String file :
        List.of("checkpoint.safetensors", "model/diffusion_pytorch_model.safetensors")) {
      assertThat(killed.resolve(file))
          .hasSameBinaryContentAs(folder.resolve("whole").resolve(file));
    }
  }

  @Test
  void aRunThatIsStoppedGoesOnWithTheSameBits() throws Exception {
    byte[] expected = train(folder.resolve("whole"), false);
    Path stopped = folder.resolve("stopped");
    try (UNet unet = TinyRun.unet()) {
      TrainingRun run = TinyRun.run(unet, TinyRun.config(STEPS, 8, 1), stopped);
      run.run(
          false,
          result -> {
            if (result.step() == 7) {
              run.stop();
            }
          });
    }
    assertThat(Files.readAllLines(stopped.resolve("loss.csv"))).hasSize(8);
    assertThat(stopped.resolve("model")).doesNotExist();
    assertThat(train(stopped, true)).isEqualTo(expected);
  }

  @Test
  void aFinishedRunLeavesAModelThatLoads() throws Exception {
    train(folder, false);
    assertThat(folder.resolve("loss.png")).isNotEmptyFile();
    try (DiffusionModel model = DiffusionModel.load(folder.resolve("model"))) {
      assertThat(model.sample(2).count()).isEqualTo(2);
    }
  }

  @Test
  void refusesToOverwriteOrToResumeNothing() throws Exception {
    assertThatThrownBy(() -> train(folder.resolve("none"), true))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("nothing to resume");
    train(folder.resolve("done"), false);
    assertThatThrownBy(() -> train(folder.resolve("done"), false))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("holds a run already");
  }

  @Test
  void refusesTheCheckpointOfAnotherConfiguration() throws Exception {
    train(folder, false);
    try (UNet unet = TinyRun.unet()) {
      TrainingRun other = TinyRun.run(unet, TinyRun.config(STEPS + 1, 8, 1), folder);
      assertThatThrownBy(() -> other.run(true, result -> {}))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("config");
    }
  }

  @Test
  void refusesADamagedCheckpoint() throws Exception {
    train(folder, false);
    Path file = folder.resolve("checkpoint.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> train(folder, true))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("checkpoint.safetensors");
  }
}
