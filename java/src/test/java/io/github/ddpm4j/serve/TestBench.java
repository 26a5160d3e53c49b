package io.github.ddpm4j.serve;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.checkpoint.SchedulerKind;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.sampler.StepListener;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;

/** A small network, 60 random digits, and a sampler whose steps wait until they are let. */
final class TestBench {
  static final int IMAGES = 60;

  /** What the sampler {@code gated} has done: the thread of each step. */
  final List<Thread> steps = Collections.synchronizedList(new ArrayList<>());

  /** A step of the sampler {@code gated} takes one. */
  final Semaphore gate = new Semaphore(0);

  final DiffusionModel model = model();
  final Workbench workbench;

  TestBench(Path data) {
    Map<String, BiFunction<SchedulerConfig, Integer, Sampler>> samplers = new LinkedHashMap<>();
    samplers.put("ddim", SchedulerConfig::ddim);
    samplers.put("ddpm", SchedulerConfig::ddpm);
    samplers.put("heun", (config, n) -> config.sampler(SchedulerKind.HEUN_DISCRETE, n));
    samplers.put("gated", (config, n) -> new Gated(n));
    workbench = new Workbench(Map.of("small", model), samplers, data);
  }

  private static DiffusionModel model() {
    UNetConfig config =
        UNetConfig.builder()
            .sampleSize(28)
            .inChannels(1)
            .outChannels(1)
            .blockOutChannels(8, 8)
            .downBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .upBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .layersPerBlock(1)
            .normNumGroups(4)
            .build();
    return new DiffusionModel(UNet.create(config, Device.cpu(), 1), SchedulerConfig.defaults());
  }

  /** Writes MNIST's training files with random digits. */
  static void writeDigits(Path folder) throws IOException {
    byte[] pixels = new byte[IMAGES * 28 * 28];
    new Random(1).nextBytes(pixels);
    ByteBuffer images = ByteBuffer.allocate(16 + pixels.length);
    images.putInt(0x803).putInt(IMAGES).putInt(28).putInt(28).put(pixels);
    ByteBuffer labels = ByteBuffer.allocate(8 + IMAGES).putInt(0x801).putInt(IMAGES);
    for (int i = 0; i < IMAGES; i++) {
      labels.put((byte) (i % 10));
    }
    Files.write(folder.resolve("train-images-idx3-ubyte"), images.array());
    Files.write(folder.resolve("train-labels-idx1-ubyte"), labels.array());
  }

  /** Leaves the images as they are, a step when the gate has a permit. */
  private final class Gated implements Sampler {
    private final int n;

    Gated(int n) {
      this.n = n;
    }

    @Override
    public void sample(
        NoisePredictor predictor,
        NoiseSchedule schedule,
        Tensor x,
        Noise noise,
        StepListener listener) {
      for (int i = 0; i < n; i++) {
        try {
          if (!gate.tryAcquire(120, TimeUnit.SECONDS)) {
            throw new IllegalStateException("nobody has let step " + i);
          }
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        steps.add(Thread.currentThread());
        listener.onStep(i, n, n - 1 - i, x, x);
      }
    }

    @Override
    public double[] timesteps(NoiseSchedule schedule) {
      return new double[n];
    }

    @Override
    public Sampler skipping(int levels) {
      return new Gated(n - levels);
    }
  }
}
