package io.github.ddpm4j.train;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import io.github.ddpm4j.unet.layers.Initialization;
import java.nio.file.Path;
import java.util.Random;

/** A training run small enough for tests, and the program of it that a test can kill. */
final class TinyRun {
  static final UNetConfig NETWORK =
      UNetConfig.builder()
          .sampleSize(8)
          .inChannels(1)
          .outChannels(1)
          .blockOutChannels(8, 16)
          .layersPerBlock(1)
          .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION)
          .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN)
          .normNumGroups(4)
          .dropout(0.1)
          .build();

  private TinyRun() {}

  static UNet unet() {
    return UNet.create(NETWORK, Device.cpu(), 1, Initialization.ZERO_OUTPUTS);
  }

  /** Squares of random places and sizes on black. */
  static ImageDataset squares(int count) {
    Random random = new Random(3);
    byte[] pixels = new byte[count * 64];
    byte[] labels = new byte[count];
    for (int i = 0; i < count; i++) {
      int size = 2 + random.nextInt(4);
      int top = random.nextInt(9 - size);
      int left = random.nextInt(9 - size);
      labels[i] = (byte) size;
      for (int p = 0; p < size * size; p++) {
        pixels[i * 64 + (top + p / size) * 8 + left + p % size] = (byte) 255;
      }
    }
    return new ImageDataset(count, 8, 8, 1, pixels, labels);
  }

  static TrainConfig config(long steps, int batch, int accumulation) {
    return new TrainConfig(
        steps, batch, accumulation, 2e-3, 5, LearningRateDecay.COSINE, 1, 0.99, true, 11, 10, 0);
  }

  static TrainingRun run(UNet unet, TrainConfig config, Path folder) {
    return new TrainingRun(
        new Trainer(unet, NoiseSchedule.linear(1000), squares(64), config),
        SchedulerConfig.defaults(),
        folder);
  }

  /**
   * Trains in a folder, slowly enough to be killed: arguments are the folder and the number of
   * steps.
   */
  public static void main(String[] arguments) {
    try (UNet unet = unet()) {
      run(unet, config(Long.parseLong(arguments[1]), 8, 1), Path.of(arguments[0]))
          .run(
              false,
              result -> {
                System.out.println("step " + result.step());
                try {
                  Thread.sleep(20);
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
    }
  }
}
