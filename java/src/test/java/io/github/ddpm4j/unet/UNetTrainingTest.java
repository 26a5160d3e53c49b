package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.ops.TrainingOps;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The first training steps from the same weights, with the same noise, against libtorch. */
class UNetTrainingTest {
  private static final int STEPS = 200;
  private static final int IMAGES = 4;
  private static final int SIZE = 8;
  private static final double LEARNING_RATE = 1e-3;

  /** What one step trains on. */
  private record Batch(float[] noisy, float[] times, float[] noise) {}

  static Stream<Arguments> configurations() {
    return Stream.of(
        Arguments.of(
            "resnet",
            UNetConfig.builder()
                .inChannels(1)
                .outChannels(1)
                .blockOutChannels(8, 16)
                .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION)
                .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN)
                .layersPerBlock(1)
                .normNumGroups(4)
                .build()),
        Arguments.of("dual path", TestConfigs.tinyDualPath()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("configurations")
  void followsLibtorchsLoss(String name, NetworkConfig config) {
    List<Batch> batches = batches();
    try (UNet unet = UNet.create(config, Device.cpu(), 11)) {
      double[] exact = torch(unet, torch.ScalarType.Double, batches);
      double[] single = torch(unet, torch.ScalarType.Float, batches);
      double[] ours = ours(unet, batches);
      double envelope = 0;
      for (int step = 0; step < STEPS; step++) {
        // Rounding errors grow from step to step: what libtorch had at its worst so far is allowed.
        envelope = Math.max(envelope, Math.abs(single[step] - exact[step]));
        double allowed = Math.max(envelope, Math.ulp((float) exact[step]));
        double error = Math.abs(ours[step] - exact[step]);
        assertThat(error).as("step " + step).isLessThanOrEqualTo(NumericalError.MULTIPLE * allowed);
      }
      assertThat(exact[STEPS - 1]).isLessThan(exact[0] / 2);
    }
  }

  /** Smooth pictures with noise of random timesteps. */
  private static List<Batch> batches() {
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    Random random = new Random(5);
    List<Batch> batches = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      float[] noise = TestConfigs.gaussians(random, IMAGES * SIZE * SIZE);
      float[] noisy = new float[noise.length];
      float[] times = new float[IMAGES];
      for (int i = 0; i < IMAGES; i++) {
        int t = random.nextInt(1000);
        double phase = random.nextDouble() * 2 * Math.PI;
        times[i] = t;
        for (int p = 0; p < SIZE * SIZE; p++) {
          double clean = Math.sin(phase + p / SIZE) * Math.cos(phase + p % SIZE);
          int at = i * SIZE * SIZE + p;
          noisy[at] = (float) (schedule.signal(t) * clean + schedule.sigma(t) * noise[at]);
        }
      }
      batches.add(new Batch(noisy, times, noise));
    }
    return batches;
  }

  private static double[] ours(UNet unet, List<Batch> batches) {
    Parameters parameters = unet.parameters();
    parameters.requireGradients();
    Tensor m = parameters.companion();
    Tensor v = parameters.companion();
    double[] losses = new double[STEPS];
    for (int step = 0; step < STEPS; step++) {
      try (Scope scope = Scope.recording(Device.cpu())) {
        Batch batch = batches.get(step);
        Shape shape = Shape.of(IMAGES, SIZE, SIZE, 1);
        Tensor prediction =
            unet.forward(
                scope.tensor(shape, batch.noisy), scope.tensor(Shape.of(IMAGES), batch.times));
        TrainingOps.Loss loss = TrainingOps.mse(prediction, scope.tensor(shape, batch.noise), 1);
        losses[step] = loss.mean();
        parameters.gradients().fill(0);
        scope.tape().backward(prediction, loss.gradient());
        TrainingOps.adam(
            parameters.values(),
            parameters.gradients(),
            m,
            v,
            step + 1,
            LEARNING_RATE,
            0.9,
            0.999,
            1e-8,
            1);
      }
    }
    return losses;
  }

  private static double[] torch(UNet unet, torch.ScalarType type, List<Batch> batches) {
    try (PointerScope pointers = new PointerScope()) {
      TorchNetwork network = TestConfigs.torch(unet, type);
      network.weights().values().forEach(weight -> weight.set_requires_grad(true));
      TensorVector weights =
          new TensorVector(network.weights().values().toArray(org.bytedeco.pytorch.Tensor[]::new));
      Adam adam = new Adam(weights, new AdamOptions(LEARNING_RATE));
      double[] losses = new double[STEPS];
      for (int step = 0; step < STEPS; step++) {
        try (PointerScope inner = new PointerScope()) {
          Batch batch = batches.get(step);
          org.bytedeco.pytorch.Tensor prediction =
              network.forward(
                  network.pictures(batch.noisy, IMAGES, SIZE, SIZE, 1),
                  network.tensor(batch.times, IMAGES),
                  null);
          org.bytedeco.pytorch.Tensor loss =
              torch.mse_loss(prediction, network.pictures(batch.noise, IMAGES, SIZE, SIZE, 1));
          losses[step] = TorchNetwork.values(loss)[0];
          adam.zero_grad();
          loss.backward();
          adam.step();
        }
      }
      return losses;
    }
  }
}
