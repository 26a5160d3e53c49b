package io.github.ddpm4j.unet;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.DeviceGraph;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Dropout;
import io.github.ddpm4j.unet.layers.Initialization;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.List;
import java.util.function.Consumer;

/**
 * A U-Net (Ronneberger et al., arXiv 1505.04597) that predicts the noise in pictures: [N,H,W,C] and
 * timesteps give the same shape, or twice the channels where the variance is learned too.
 *
 * <p>It owns its parameters until it is closed. Several threads may use it at a time.
 */
public final class UNet implements NoisePredictor, AutoCloseable {
  /**
   * Activations that one pass of {@link #predict} may keep: enough images to share the weights, yet
   * not far from cache.
   */
  private static final long MICRO_BATCH_BYTES = 64L << 20;

  private final NetworkConfig config;
  private final Device device;
  private final Parameters parameters;
  private final Network network;
  private final CapturedPasses captured;

  private UNet(
      NetworkConfig config,
      Device device,
      Initialization initialization,
      Consumer<Parameters> check) {
    this.config = config;
    this.device = device;
    parameters = new Parameters();
    network = build(parameters.root(), config, initialization);
    check.accept(parameters);
    parameters.allocate(device);
    captured =
        device.isCpu() || !DeviceGraph.enabled() ? null : new CapturedPasses(network, device);
  }

  private static Network build(
      Parameters.Path root, NetworkConfig config, Initialization initialization) {
    if (config instanceof UNetConfig resnet) {
      return new ResnetUNet(root, resnet, initialization);
    }
    return new DualPathUNet(root, (DualPathUNetConfig) config, initialization);
  }

  /** A network that starts as PyTorch's layers do. The same seed gives the same network. */
  public static UNet create(NetworkConfig config, Device device, long seed) {
    return create(config, device, seed, Initialization.PYTORCH);
  }

  /** A network with random parameters. The same seed gives the same network. */
  public static UNet create(
      NetworkConfig config, Device device, long seed, Initialization initialization) {
    UNet unet = new UNet(config, device, initialization, parameters -> {});
    unet.parameters.initialize(seed);
    return unet;
  }

  /** A network whose parameters are zero, for a checkpoint to be read into. */
  public static UNet empty(NetworkConfig config, Device device) {
    return empty(config, device, parameters -> {});
  }

  /**
   * A network whose parameters are zero.
   *
   * @param check called with the parameters ahead of taking memory for them; what it throws ends
   *     the making of the network
   */
  public static UNet empty(NetworkConfig config, Device device, Consumer<Parameters> check) {
    return new UNet(config, device, Initialization.PYTORCH, check);
  }

  public NetworkConfig config() {
    return config;
  }

  public Device device() {
    return device;
  }

  public Parameters parameters() {
    return parameters;
  }

  /**
   * Predicts for a batch, a few images at a time, so that memory does not grow with the batch. An
   * image's prediction is the same whatever batch it is in. On a CUDA device, the pass is captured
   * as a graph when a shape comes the second time, and repeated from then on, unless the system
   * property {@code ddpm4j.graphs} is {@code off}.
   *
   * @throws InvalidArgumentException if pictures do not fit the network, or if it needs class
   *     labels
   */
  @Override
  public Tensor predict(Tensor xt, double t) {
    return predict(xt, t, null);
  }

  @Override
  public Tensor predict(Tensor xt, Tensor t) {
    return predict(xt, t, null);
  }

  /**
   * This network for pictures of given classes.
   *
   * @param labels one class number for all pictures, or one for every picture of the batches that
   *     will be predicted
   */
  public NoisePredictor withLabels(int... labels) {
    return new ClassPredictor(this, labels);
  }

  Tensor predict(Tensor xt, double t, Tensor labels) {
    if (captured == null) {
      try (Scope scope = Scope.open(device)) {
        return predict(xt, scope.allocate(Shape.of(xt.dim(0))).fill((float) t), labels);
      }
    }
    return inParts(
        xt,
        labels,
        (first, part, partLabels, prediction) -> captured.run(part, t, partLabels, prediction));
  }

  Tensor predict(Tensor xt, Tensor t, Tensor labels) {
    requireTimesteps(xt, t);
    return inParts(
        xt,
        labels,
        (first, part, partLabels, prediction) -> {
          try (Scope scope = Scope.open(device)) {
            Tensor times = t.slice(first, part.dim(0)).in(scope);
            Tensor own = partLabels == null ? null : partLabels.in(scope);
            prediction.copyFrom(
                network.forward(part.in(scope), times, own, Dropout.NONE, LayerListener.NONE));
          }
        });
  }

  /** A pass over some of the images. */
  @FunctionalInterface
  private interface Pass {
    void run(int first, Tensor part, Tensor labels, Tensor prediction);
  }

  private Tensor inParts(Tensor xt, Tensor labels, Pass pass) {
    check(xt, labels);
    int images = xt.dim(0);
    int batch = microBatch(xt.dim(1), xt.dim(2));
    Tensor prediction = xt.scope().allocate(xt.shape().withLast(config.outChannels()));
    for (int first = 0; first < images; first += batch) {
      int count = Math.min(batch, images - first);
      pass.run(
          first,
          xt.slice(first, count),
          labels == null ? null : labels.slice(first, count),
          prediction.slice(first, count));
    }
    return prediction;
  }

  private int microBatch(int height, int width) {
    long bytes =
        summary(height, width).stream()
            .mapToLong(
                layer -> (long) layer.height() * layer.width() * layer.channels() * Float.BYTES)
            .sum();
    return (int) Math.max(1, MICRO_BATCH_BYTES / bytes);
  }

  /**
   * Predicts for a batch in one pass, in xt's scope; in a recording scope, for gradients. Nothing
   * is dropped.
   */
  public Tensor forward(Tensor xt, Tensor t) {
    return forward(xt, t, null, Dropout.NONE);
  }

  /** Predicts for pictures of classes; see {@link #forward(Tensor, Tensor, Tensor, Dropout)}. */
  public Tensor forward(Tensor xt, Tensor t, Tensor labels) {
    return forward(xt, t, labels, Dropout.NONE);
  }

  /**
   * Predicts for a batch in one pass, in xt's scope; in a recording scope, for gradients.
   *
   * @param xt [N,H,W,C]
   * @param t timesteps, [N]
   * @param labels class numbers, [N], or what the configuration's {@code class_embed_type} says;
   *     null if there are no classes
   * @param dropout of this pass: {@link #trainingDropout}, or {@link Dropout#NONE}
   * @return [N,H,W,C'], C' the configuration's outChannels
   * @throws InvalidArgumentException if an operand does not fit the network
   */
  public Tensor forward(Tensor xt, Tensor t, Tensor labels, Dropout dropout) {
    return forward(xt, t, labels, dropout, LayerListener.NONE);
  }

  /** Predicts as {@link #forward(Tensor, Tensor, Tensor)} and tells of every layer's output. */
  public Tensor forward(Tensor xt, Tensor t, Tensor labels, LayerListener listener) {
    return forward(xt, t, labels, Dropout.NONE, listener);
  }

  private Tensor forward(
      Tensor xt, Tensor t, Tensor labels, Dropout dropout, LayerListener listener) {
    check(xt, labels);
    requireTimesteps(xt, t);
    return network.forward(
        xt, t.in(xt.scope()), labels == null ? null : labels.in(xt.scope()), dropout, listener);
  }

  /**
   * The configuration's dropout for one training pass.
   *
   * @param seed not that of the noise of the same images
   * @param firstImage number of the batch's first image in its random stream
   */
  public Dropout trainingDropout(long seed, long firstImage) {
    return new Dropout(config.dropout(), seed, firstImage);
  }

  private static void requireTimesteps(Tensor xt, Tensor t) {
    if (!t.shape().equals(Shape.of(xt.dim(0)))) {
      throw new InvalidArgumentException(
          "t has shape " + t.shape() + ", expected [" + xt.dim(0) + "]");
    }
  }

  private void check(Tensor xt, Tensor labels) {
    int multiple = config.sizeMultiple();
    if (xt.shape().rank() != 4
        || xt.dim(3) != config.inChannels()
        || xt.dim(1) % multiple != 0
        || xt.dim(2) % multiple != 0) {
      throw new InvalidArgumentException(
          "pictures have shape "
              + xt.shape()
              + ", expected [N,H,W,"
              + config.inChannels()
              + "] with H and W divisible by "
              + multiple);
    }
    Shape expected = config.labelShape(xt.dim(0));
    if (!(labels == null ? expected == null : labels.shape().equals(expected))) {
      throw new InvalidArgumentException(
          expected == null
              ? "class labels given to a network without classes"
              : "class labels are " + labels + ", expected shape " + expected);
    }
  }

  /** Layers, their sizes and costs for one picture of a height and width. */
  public List<LayerSummary> summary(int height, int width) {
    Summary summary = new Summary(parameters, height, width, config.inChannels());
    network.describe(summary);
    return summary.lines();
  }

  /**
   * Multiplications in convolutions, linear maps and attention for one picture of a height and
   * width.
   */
  public long macs(int height, int width) {
    return summary(height, width).stream().mapToLong(LayerSummary::macs).sum();
  }

  /** Frees the parameters. Closing twice is harmless. */
  @Override
  public void close() {
    if (captured != null) {
      captured.close();
    }
    parameters.close();
  }
}
