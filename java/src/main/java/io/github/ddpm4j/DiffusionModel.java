package io.github.ddpm4j;

import io.github.ddpm4j.checkpoint.DiffusersCheckpoint;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.checkpoint.SchedulerKind;
import io.github.ddpm4j.hub.HubClient;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.ClassifierFreeGuidance;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.sampler.Ddpm;
import io.github.ddpm4j.sampler.Interpolation;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNet;
import java.nio.file.Path;

/**
 * A trained diffusion model: a U-Net and the noise schedule it was trained with.
 *
 * <pre>{@code
 * try (DiffusionModel model = DiffusionModel.pretrained("mnist")) {
 *   model.sample(64).saveGrid(Path.of("digits.png"));
 * }
 * }</pre>
 *
 * <p>A model holds native memory until it is closed. Several threads may sample from one model at a
 * time; they share the threads of {@link Device#threads}.
 */
public final class DiffusionModel implements AutoCloseable {
  private static final int DEFAULT_STEPS = 50;

  private final UNet unet;
  private final SchedulerConfig scheduler;
  private final NoiseSchedule schedule;

  /** A model of a network and the configuration of its scheduler. The model closes the network. */
  public DiffusionModel(UNet unet, SchedulerConfig scheduler) {
    this.unet = unet;
    this.scheduler = scheduler;
    this.schedule = scheduler.schedule();
  }

  /**
   * A model that comes with the library: {@code mnist}, 28×28 digits.
   *
   * @throws InvalidArgumentException for another name
   */
  public static DiffusionModel pretrained(String name) {
    return pretrained(name, Device.cpu());
  }

  /** A model that comes with the library, on a device. */
  public static DiffusionModel pretrained(String name, Device device) {
    return of(DiffusersCheckpoint.bundled(name), device);
  }

  /**
   * A model in the layout of diffusers: {@code config.json}, {@code scheduler_config.json} and
   * {@code diffusion_pytorch_model.safetensors} (or {@code .bin}, or several files with an index)
   * in the folder, or in its folders {@code unet} and {@code scheduler}.
   *
   * @param folder the folder, or one of the files with weights that are in it
   * @throws CheckpointException if a file is missing or wrong
   */
  public static DiffusionModel load(Path folder) {
    return load(folder, Device.cpu());
  }

  /** A model in the layout of diffusers, on a device. */
  public static DiffusionModel load(Path folder, Device device) {
    return of(DiffusersCheckpoint.read(folder), device);
  }

  /**
   * A model of the Hugging Face hub, for example {@code google/ddpm-cifar10-32}. It is fetched once
   * and kept; see {@link HubClient#create} for where, and for the environment variables that say
   * otherwise.
   *
   * @throws HubException if it cannot be fetched
   * @throws CheckpointException if it is not a model that ddpm4j can honour
   */
  public static DiffusionModel fromHub(String repository) {
    return fromHub(repository, HubClient.create());
  }

  /** A model of a hub. */
  public static DiffusionModel fromHub(String repository, HubClient hub) {
    return fromHub(repository, hub, Device.cpu());
  }

  /** A model of a hub, on a device. */
  public static DiffusionModel fromHub(String repository, HubClient hub, Device device) {
    return load(hub.fetchModel(repository), device);
  }

  private static DiffusionModel of(DiffusersCheckpoint checkpoint, Device device) {
    SchedulerConfig scheduler = checkpoint.scheduler();
    return new DiffusionModel(checkpoint.unet(device), scheduler);
  }

  /** Writes the model in the layout of diffusers. */
  public void save(Path folder) {
    DiffusersCheckpoint.write(folder, unet, scheduler);
  }

  /** Images from the model's default sampler with seed 0. */
  public Images sample(int count) {
    return sample(SampleOptions.count(count));
  }

  /**
   * Draws images.
   *
   * @return pixels in [-1, 1], nothing of them in native memory
   * @throws ClosedException if the model has been closed
   */
  public Images sample(SampleOptions options) {
    int height = unet.config().sampleHeight();
    if (height == 0) {
      throw new InvalidArgumentException(
          "the model's configuration has no sample_size, expected the images' height and width");
    }
    return draw(
        (first, count) -> predictor(options, first, count),
        schedule,
        Shape.of(height, unet.config().sampleWidth(), unet.config().inChannels()),
        options.sampler() == null ? options.sampler(defaultSampler()) : options,
        unet.device());
  }

  /**
   * Draws images from any predictor, as from the optimal denoiser of a data set.
   *
   * @param schedule the noise schedule that the predictor is for
   * @param image shape of an image, [H,W,C]
   * @param options with a sampler, or DDIM with 50 steps is taken
   * @return pixels in [-1, 1], nothing of them in native memory
   */
  public static Images sample(
      NoisePredictor predictor, NoiseSchedule schedule, Shape image, SampleOptions options) {
    return sample(predictor, schedule, image, options, Device.cpu());
  }

  /** Draws images from any predictor, of tensors on a device. */
  public static Images sample(
      NoisePredictor predictor,
      NoiseSchedule schedule,
      Shape image,
      SampleOptions options,
      Device device) {
    return draw((first, count) -> predictor, schedule, image, options, device);
  }

  /** The predictor for images first, first + 1, ... of all that are drawn. */
  @FunctionalInterface
  private interface PredictorOfBatch {
    NoisePredictor of(int first, int count);
  }

  private static Images draw(
      PredictorOfBatch predictors,
      NoiseSchedule schedule,
      Shape image,
      SampleOptions options,
      Device device) {
    Sampler sampler =
        options.sampler() == null
            ? Ddim.steps(Math.min(DEFAULT_STEPS, schedule.steps()))
            : options.sampler();
    int size = Math.toIntExact(image.count());
    if ((long) options.count() * size > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException(
          "count is "
              + options.count()
              + ", expected images that fit one array: sample in several calls");
    }
    float[] pixels = new float[options.count() * size];
    for (int first = 0; first < options.count(); first += options.batch()) {
      int batch = Math.min(options.batch(), options.count() - first);
      try (Scope scope = Scope.open(device)) {
        var noise = options.noise().from(first);
        Shape shape = Shape.of(batch, image.dim(0), image.dim(1), image.dim(2));
        Tensor x = noise.fill(scope.allocate(shape), 0);
        sampler.sample(predictors.of(first, batch), schedule, x, noise, options.listener());
        float[] done = x.toArray();
        System.arraycopy(done, 0, pixels, first * size, done.length);
      }
    }
    return new Images(options.count(), image.dim(0), image.dim(1), image.dim(2), pixels);
  }

  /**
   * Pictures between two.
   *
   * <pre>{@code
   * Interpolation way = Interpolation.by(model.ddim(50).skipping(25));
   * model.interpolate(pair, way, Noise.philox(0), 0, 0.25, 0.5, 0.75, 1);
   * }</pre>
   *
   * @param pair two pictures, pixels in [-1, 1]
   * @param weights the part of the second picture in each result
   */
  public Images interpolate(Images pair, Interpolation way, Noise noise, double... weights) {
    if (pair.count() != 2) {
      throw new InvalidArgumentException(pair.count() + " images given, expected 2");
    }
    Shape one = Shape.of(1, pair.height(), pair.width(), pair.channels());
    try (Scope scope = Scope.open(unet.device())) {
      Tensor first = scope.tensor(one, pair.slice(0, 1).pixels());
      Tensor second = scope.tensor(one, pair.slice(1, 1).pixels());
      Tensor x = way.images(predictor(), schedule, first, second, weights, noise);
      return new Images(weights.length, pair.height(), pair.width(), pair.channels(), x.toArray());
    }
  }

  private NoisePredictor predictor(SampleOptions options, int first, int batch) {
    int[] labels = options.labelsOf(first, batch);
    if (labels == null) {
      return predictor();
    }
    NoisePredictor conditional = predictor(labels);
    return options.guidance() == 1
        ? conditional
        : ClassifierFreeGuidance.of(
            conditional, predictor(options.nullLabel()), options.guidance());
  }

  /** The network as samplers see it. */
  public NoisePredictor predictor() {
    return unet.as(scheduler.predictionType());
  }

  /** The network as samplers see it, for pictures of given classes; see {@link UNet#withLabels}. */
  public NoisePredictor predictor(int... labels) {
    return unet.withLabels(labels).as(scheduler.predictionType());
  }

  /**
   * The sampler of the model's scheduler with 50 steps, but DDIM in place of DDPM: close to its
   * quality in a twentieth of its time.
   */
  public Sampler defaultSampler() {
    return defaultSampler(Math.min(DEFAULT_STEPS, schedule.steps()));
  }

  /** The sampler of the model's scheduler, but DDIM in place of DDPM. */
  public Sampler defaultSampler(int steps) {
    return scheduler.kind() == SchedulerKind.DDPM ? ddim(steps) : scheduler.sampler(steps);
  }

  /** DDPM as the model's scheduler says: its variance, clipping and choice of timesteps. */
  public Ddpm ddpm(int steps) {
    return scheduler.ddpm(steps);
  }

  /** DDIM as the model's scheduler says: its clipping, choice of timesteps and end. */
  public Ddim ddim(int steps) {
    return scheduler.ddim(steps);
  }

  public UNet unet() {
    return unet;
  }

  public NoiseSchedule schedule() {
    return schedule;
  }

  public SchedulerConfig scheduler() {
    return scheduler;
  }

  @Override
  public void close() {
    unet.close();
  }
}
