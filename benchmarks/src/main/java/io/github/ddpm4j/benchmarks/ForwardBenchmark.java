package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One pass of the bundled model's U-Net. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 2)
@Fork(1)
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
public class ForwardBenchmark {
  private static final int TIMESTEP = 500;

  @Param({"1", "16", "64"})
  public int batch;

  private DiffusionModel model;
  private Scope scope;
  private Tensor x;

  /**
   * Opens the model and checks, before anything is timed, that an image's prediction is the same
   * alone and in the batch.
   */
  @Setup
  public void open() {
    model = DiffusionModel.pretrained("mnist");
    scope = Scope.open(Device.cpu());
    x = Noise.philox(0).fill(scope.allocate(Shape.of(batch, 28, 28, 1)), 0);
    float[] all = predict();
    try (Scope inner = Scope.open(Device.cpu())) {
      float[] alone = model.unet().predict(x.slice(0, 1).in(inner), TIMESTEP).toArray();
      if (!Arrays.equals(alone, Arrays.copyOf(all, alone.length))) {
        throw new IllegalStateException("the first image's prediction depends on its batch");
      }
    }
  }

  @TearDown
  public void close() {
    scope.close();
    model.close();
  }

  @Benchmark
  public float[] predict() {
    try (Scope inner = Scope.open(Device.cpu())) {
      return model.unet().predict(x.in(inner), TIMESTEP).toArray();
    }
  }
}
