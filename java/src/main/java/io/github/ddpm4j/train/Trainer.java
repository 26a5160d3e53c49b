package io.github.ddpm4j.train;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.TrainingDivergedException;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.ops.TrainingOps;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.NetworkConfig;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.layers.Parameters;

/**
 * Trains a U-Net to predict noise (Ho et al., arXiv 2006.11239, algorithm 1), or what else the
 * scheduler's {@code prediction_type} says, with Adam, and keeps an exponential moving average of
 * its parameters, which is what to sample from.
 *
 * <p>Every step is a function of the configuration and the state before it: the same run gives the
 * same bits, whatever the number of threads and however often it is interrupted and resumed.
 */
public final class Trainer {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPS = 1e-8;

  /** Seeds of the noise and of dropout must differ, since both count by sample. */
  private static final long DROPOUT_SEED = 0x5DEECE66DL;

  private final UNet unet;
  private final SchedulerConfig scheduler;
  private final ForwardProcess forward;
  private final ImageDataset data;
  private final TrainConfig config;
  private final BatchOrder order;
  private final Noise noise;
  private final TrainingState state;

  /**
   * What one step did.
   *
   * @param step from 1
   * @param loss mean squared error of the step's images
   * @param gradientNorm before clipping
   * @param learningRate of the step
   */
  public record StepResult(long step, double loss, double gradientNorm, double learningRate) {}

  /**
   * @throws InvalidArgumentException if the images do not fit the network or are fewer than one
   *     step takes, or if the network has classes or learns the variance
   */
  public Trainer(UNet unet, SchedulerConfig scheduler, ImageDataset data, TrainConfig config) {
    requireFit(unet.config(), data);
    if (data.count() < config.imagesPerStep()) {
      throw new InvalidArgumentException(
          "the data set has "
              + data.count()
              + " images, expected at least the "
              + config.imagesPerStep()
              + " of one step");
    }
    NoiseSchedule schedule = scheduler.schedule();
    this.unet = unet;
    this.scheduler = scheduler;
    this.forward = new ForwardProcess(schedule);
    this.data = data;
    this.config = config;
    this.order = new BatchOrder(data, schedule.steps(), config.seed());
    this.noise = Noise.philox(config.seed());
    unet.parameters().requireGradients();
    this.state = new TrainingState(unet.parameters());
  }

  private static void requireFit(NetworkConfig network, ImageDataset data) {
    if (network.outChannels() != network.inChannels() || network.labelShape(1) != null) {
      throw new InvalidArgumentException(
          "the network has "
              + network.outChannels()
              + " out_channels for "
              + network.inChannels()
              + " in_channels"
              + (network.labelShape(1) == null ? "" : " and class labels")
              + ", expected as many of both and no classes");
    }
    int height = network.sampleHeight();
    int width = network.sampleWidth();
    boolean sized = height == 0 || height == data.height() && width == data.width();
    int multiple = network.sizeMultiple();
    if (data.channels() != network.inChannels()
        || !sized
        || data.height() % multiple != 0
        || data.width() % multiple != 0) {
      throw new InvalidArgumentException(
          "the data set is "
              + data
              + ", expected images of "
              + network.inChannels()
              + " channels, "
              + (height == 0
                  ? "sizes divisible by " + multiple
                  : height + "x" + width + " pixels"));
    }
  }

  public UNet unet() {
    return unet;
  }

  public SchedulerConfig scheduler() {
    return scheduler;
  }

  public ImageDataset data() {
    return data;
  }

  public TrainConfig config() {
    return config;
  }

  /** Parameters, average, moments and the number of steps done. */
  public TrainingState state() {
    return state;
  }

  /**
   * Does the next step.
   *
   * @throws TrainingDivergedException if the loss is not a finite number; the parameters are then
   *     as they were before the step
   */
  public StepResult step() {
    long step = state.step() + 1;
    Parameters parameters = unet.parameters();
    parameters.gradients().fill(0);
    double loss = 0;
    for (int i = 0; i < config.accumulation(); i++) {
      long firstSample = (step - 1) * config.imagesPerStep() + (long) i * config.batch();
      loss += accumulate(firstSample) / config.accumulation();
    }
    double norm = Math.sqrt(TrainingOps.sumSquares(parameters.gradients()));
    if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
      throw new TrainingDivergedException(step, loss, norm);
    }
    double clip = config.clipNorm() > 0 && norm > config.clipNorm() ? config.clipNorm() / norm : 1;
    double learningRate = config.learningRateAt(step);
    TrainingOps.adam(
        parameters.values(),
        parameters.gradients(),
        state.firstMoment(),
        state.secondMoment(),
        step,
        learningRate,
        BETA1,
        BETA2,
        EPS,
        clip);
    TrainingOps.ema(state.average(), parameters.values(), config.emaDecayAt(step));
    state.advance();
    return new StepResult(step, loss, norm, learningRate);
  }

  /** Adds the gradients of one batch; returns its loss. */
  private double accumulate(long firstSample) {
    int batch = config.batch();
    int[] images = new int[batch];
    int[] timesteps = new int[batch];
    boolean[] flips = new boolean[batch];
    float[] times = new float[batch];
    for (int i = 0; i < batch; i++) {
      images[i] = order.image(firstSample + i);
      timesteps[i] = order.timestep(firstSample + i);
      flips[i] = config.randomFlip() && order.flip(firstSample + i);
      times[i] = timesteps[i];
    }
    float[] pixels = new float[batch * data.imageSize()];
    data.batch(images, flips, pixels);
    Shape shape = Shape.of(batch, data.height(), data.width(), data.channels());
    try (Scope scope = Scope.recording(unet.device())) {
      Tensor x0 = scope.tensor(shape, pixels);
      Tensor epsilon = noise.from(firstSample).fill(scope.allocate(shape), 0);
      Tensor xt = forward.jump(x0, epsilon, timesteps);
      Tensor target =
          switch (scheduler.predictionType()) {
            case EPSILON -> epsilon;
            case SAMPLE -> x0;
            case V_PREDICTION -> forward.velocity(x0, epsilon, timesteps);
          };
      Tensor predicted =
          unet.forward(
              xt,
              scope.tensor(Shape.of(batch), times),
              null,
              unet.trainingDropout(config.seed() ^ DROPOUT_SEED, firstSample));
      TrainingOps.Loss loss = TrainingOps.mse(predicted, target, 1f / config.accumulation());
      scope.tape().backward(predicted, loss.gradient());
      return loss.mean();
    }
  }
}
