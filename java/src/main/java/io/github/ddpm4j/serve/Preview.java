package io.github.ddpm4j.serve;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.optimal.WeightedImage;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** One image with noise, and what a denoiser makes of it. */
final class Preview {
  private static final int WEIGHTS = 5;

  private final Denoiser denoiser;
  private final NoiseSchedule schedule;
  private final TrainingSet set;
  private final int index;
  private final byte[] pixels;
  private final int t;
  private final long seed;

  /** A training image and its weight in x̂_0. */
  record Part(double weight, TrainingSet.Exhibit image) {}

  /**
   * What the page gets.
   *
   * @param images number of images in the training set that the image is from, or null
   * @param parts of x̂_0, if the denoiser is an optimal one
   */
  record Result(
      int t,
      double signal,
      double sigma,
      TrainingSet.Exhibit image,
      Integer images,
      byte[] xt,
      byte[] x0,
      List<Part> parts) {}

  /** Reads what a request asks for. */
  Preview(Workbench workbench, Fields fields) {
    denoiser = workbench.denoiser(fields);
    schedule = workbench.scheduler(fields, denoiser).model().schedule();
    t = fields.integer("t", 0, 0, schedule.steps() - 1);
    seed = fields.wholeNumber("seed", 0);
    if (fields.has("pixels")) {
      set = null;
      index = 0;
      pixels = fields.bytes("pixels", Math.toIntExact(denoiser.image().count()));
    } else {
      set = workbench.trainingSet(denoiser.image());
      if (set == null) {
        throw new InvalidArgumentException(
            "pixels is missing, expected it where no training images are at hand");
      }
      index = fields.integer("index", 0, 0, Integer.MAX_VALUE);
      pixels = null;
    }
    fields.finish();
  }

  /**
   * @param turn held while computing
   */
  Result compute(ReentrantLock turn) {
    TrainingSet.Exhibit image =
        set == null ? new TrainingSet.Exhibit(0, null, pixels) : set.exhibit(index);
    NoisePredictor predictor = denoiser.predictor(schedule);
    turn.lock();
    try (Scope scope = Scope.open(Device.cpu())) {
      Shape shape = shape();
      Tensor noise = Noise.philox(seed).fill(scope.allocate(shape), 0);
      Tensor x = scope.tensor(shape, values(image.pixels()));
      Tensor xt = new ForwardProcess(schedule).jump(x, noise, t);
      byte[][] x0 = new byte[1][];
      Tensor stepped = scope.allocate(shape).copyFrom(xt);
      Ddim.timesteps(t)
          .sample(
              predictor,
              schedule,
              stepped,
              Noise.philox(seed),
              (step, of, from, after, predicted) -> x0[0] = Pictures.bytes(predicted));
      return new Result(
          t,
          schedule.signal(t),
          schedule.sigma(t),
          image,
          set == null ? null : set.load().images().count(),
          Pictures.bytes(xt),
          x0[0],
          parts(xt));
    } finally {
      turn.unlock();
    }
  }

  private List<Part> parts(Tensor xt) {
    List<Part> parts = new ArrayList<>();
    if (denoiser instanceof TrainingSet optimal) {
      for (WeightedImage found :
          optimal.load().denoiser().withSchedule(schedule).nearest(xt, t, WEIGHTS)[0]) {
        parts.add(new Part(found.weight(), optimal.exhibit(found.index())));
      }
    }
    return parts;
  }

  private Shape shape() {
    Shape image = denoiser.image();
    return Shape.of(1, image.dim(0), image.dim(1), image.dim(2));
  }

  /** Bytes as values in [-1, 1]. */
  private static float[] values(byte[] bytes) {
    float[] values = new float[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      values[i] = (bytes[i] & 0xff) / 127.5f - 1;
    }
    return values;
  }
}
