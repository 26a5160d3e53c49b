package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.data.Cifar10;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/** The optimal denoiser over CIFAR-10. */
final class OptimalCases {
  private static final int SIZE = 32 * 32 * 3;
  private static final int STEPS = 50;

  /** Float32 logits of some thousands are good to some 1e-4: so are libtorch's weights. */
  private static final double TOLERANCE = 5e-3;

  private OptimalCases() {}

  static void addTo(Map<String, Supplier<Case>> cases) {
    cases.put("optimal-b1-t999", () -> x0(1, 999));
    cases.put("optimal-b64-t999", () -> x0(64, 999));
    cases.put("optimal-b64-t300", () -> x0(64, 300));
    cases.put("optimal-ddim50-b16", () -> sampling(16));
  }

  /** Two products with all images, which are read once, as bytes. */
  private static Case of(
      int passes, int queries, ImageDataset data, AutoCloseable memory, Contender... contenders) {
    double numbers = (double) data.count() * SIZE;
    return new Case(
        Device.cpu(),
        4.0 * passes * queries * numbers,
        passes * numbers,
        TOLERANCE,
        List.of(contenders),
        memory);
  }

  /** x̂_0 of noised images. */
  private static Case x0(int queries, int t) {
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    ImageDataset data = data();
    Scope scope = Scope.open(Device.cpu());
    int[] images = new SplittableRandom(1).ints(queries, 0, data.count()).toArray();
    Shape shape = Shape.of(queries, 32, 32, 3);
    Tensor x0 = scope.tensor(shape, data.images(images).pixels());
    Tensor noise = Noise.philox(1).fill(scope.allocate(shape), 0);
    Tensor xt = new ForwardProcess(schedule).jump(x0, noise, t);
    float[] values = xt.toArray();
    OptimalDenoiser optimal = OptimalDenoiser.over(data, schedule);
    TorchOptimalDenoiser peer = new TorchOptimalDenoiser(data, schedule);
    Supplier<float[]> ours =
        () -> {
          try (Scope inner = Scope.open(Device.cpu())) {
            return optimal.x0(xt.in(inner), t).toArray();
          }
        };
    return of(
        1,
        queries,
        data,
        scope,
        new Work("ddpm4j", ours, optimal::close),
        new Work("libtorch", () -> peer.x0(values, queries, t), () -> {}));
  }

  /**
   * Images by steps of DDIM. Which training image they end at is decided by roundings where two
   * compete: results are those of the first steps.
   */
  private static Case sampling(int images) {
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    ImageDataset data = data();
    OptimalDenoiser optimal = OptimalDenoiser.over(data, schedule);
    TorchOptimalDenoiser peer = new TorchOptimalDenoiser(data, schedule);
    return of(
        STEPS,
        images,
        data,
        () -> {},
        new Work("ddpm4j", () -> sample(optimal, schedule, images), optimal::close),
        new Work("libtorch", () -> sample(peer, schedule, images), () -> {}));
  }

  private static float[] sample(NoisePredictor predictor, NoiseSchedule schedule, int images) {
    float[][] early = new float[1][];
    SampleOptions options =
        SampleOptions.count(images)
            .seed(5)
            .sampler(Ddim.steps(STEPS))
            .onStep((step, of, t, x, x0) -> early[0] = step == STEPS / 5 ? x.toArray() : early[0]);
    DiffusionModel.sample(predictor, schedule, Shape.of(32, 32, 3), options);
    return early[0];
  }

  private static ImageDataset data() {
    return Cifar10.train(DataFolder.find("cifar-10-batches-bin", null));
  }

  /** A contender whose result costs no more than the work. */
  private record Work(String name, Supplier<float[]> work, Runnable free) implements Contender {
    @Override
    public void run() {
      work.get();
    }

    @Override
    public float[] result() {
      return work.get();
    }

    @Override
    public void close() {
      free.run();
    }
  }
}
