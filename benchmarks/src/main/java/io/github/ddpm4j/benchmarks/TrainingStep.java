package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.benchmarks.peer.PeerUNet;
import io.github.ddpm4j.benchmarks.peer.TorchLayers;
import io.github.ddpm4j.benchmarks.peer.Weights;
import io.github.ddpm4j.ops.TrainingOps;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.Arrays;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Forward, mean squared error, backward, Adam. The result is the losses of the next two steps. */
abstract class TrainingStep implements Contender {
  private static final int COMPARED = 2;
  private static final float TIMESTEP = 500;
  private static final double LEARNING_RATE = 1e-4;

  private final String name;
  final int n;
  final int h;
  final int w;
  final int c;

  private TrainingStep(String name, UNetConfig config, int batch) {
    this.name = name;
    n = batch;
    h = config.sampleHeight();
    w = config.sampleWidth();
    c = config.inChannels();
  }

  @Override
  public final String name() {
    return name;
  }

  /** Does a step and gives its loss. */
  abstract double step();

  @Override
  public final void run() {
    step();
  }

  @Override
  public final float[] result() {
    float[] losses = new float[COMPARED];
    for (int i = 0; i < COMPARED; i++) {
      losses[i] = (float) step();
    }
    return losses;
  }

  /** Noisy pictures, or the noise that is to be found in them. */
  final float[] pictures(long seed) {
    try (Scope scope = Scope.open(Device.cpu())) {
      return Noise.philox(seed).fill(scope.allocate(Shape.of(n, h, w, c)), 0).toArray();
    }
  }

  final float[] times() {
    float[] times = new float[n];
    Arrays.fill(times, TIMESTEP);
    return times;
  }

  static final class Ours extends TrainingStep {
    private final UNet unet;
    private final Tensor firstMoment;
    private final Tensor secondMoment;
    private final float[] x = pictures(1);
    private final float[] noise = pictures(2);
    private final float[] times = times();
    private long steps;

    Ours(UNet unet, int batch) {
      super("ddpm4j", (UNetConfig) unet.config(), batch);
      this.unet = unet;
      unet.parameters().requireGradients();
      firstMoment = unet.parameters().companion();
      secondMoment = unet.parameters().companion();
    }

    @Override
    double step() {
      Parameters parameters = unet.parameters();
      parameters.gradients().fill(0);
      double loss;
      try (Scope scope = Scope.recording(Device.cpu())) {
        Shape shape = Shape.of(n, h, w, c);
        Tensor predicted = unet.forward(scope.tensor(shape, x), scope.tensor(Shape.of(n), times));
        TrainingOps.Loss error = TrainingOps.mse(predicted, scope.tensor(shape, noise), 1);
        scope.tape().backward(predicted, error.gradient());
        loss = error.mean();
      }
      TrainingOps.adam(
          parameters.values(),
          parameters.gradients(),
          firstMoment,
          secondMoment,
          ++steps,
          LEARNING_RATE,
          0.9,
          0.999,
          1e-8,
          1);
      return loss;
    }

    @Override
    public void close() {}
  }

  static final class Torch extends TrainingStep {
    private final PeerUNet<org.bytedeco.pytorch.Tensor> network;
    private final org.bytedeco.pytorch.Tensor x;
    private final org.bytedeco.pytorch.Tensor noise;
    private final org.bytedeco.pytorch.Tensor times;
    private final Adam adam;

    Torch(UNetConfig config, Weights weights, TorchLayers.Mode mode, int batch) {
      super(mode.title, config, batch);
      TorchLayers layers = new TorchLayers(weights, mode);
      network = new PeerUNet<>(layers, config);
      x = layers.pictures(pictures(1), n, h, w, c);
      noise = layers.pictures(pictures(2), n, h, w, c);
      times = layers.tensor(times(), n);
      layers.weights().values().forEach(weight -> weight.set_requires_grad(true));
      adam =
          new Adam(
              new TensorVector(
                  layers.weights().values().toArray(org.bytedeco.pytorch.Tensor[]::new)),
              new AdamOptions(LEARNING_RATE));
    }

    @Override
    double step() {
      try (PointerScope scope = new PointerScope()) {
        org.bytedeco.pytorch.Tensor loss = torch.mse_loss(network.forward(x, times), noise);
        adam.zero_grad();
        loss.backward();
        adam.step();
        return loss.item_float();
      }
    }

    @Override
    public void close() {}
  }
}
