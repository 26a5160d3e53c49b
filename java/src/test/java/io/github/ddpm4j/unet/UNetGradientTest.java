package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.ops.TrainingOps;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNetConfig.Resampling;
import io.github.ddpm4j.unet.UNetConfig.TimeScaleShift;
import io.github.ddpm4j.unet.layers.Parameter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients of the loss by every parameter against libtorch's autograd. */
class UNetGradientTest {
  private static final int IMAGES = 2;
  private static final float[] TIMES = {17, 731};
  private static final float[] LABELS = {3, 1};

  static Stream<Arguments> configurations() {
    return Stream.of(
        Arguments.of("convolutions change the size", TestConfigs.tiny().numClassEmbeds(4).build()),
        Arguments.of(
            "residual layers change the size",
            TestConfigs.tiny()
                .downBlockTypes(BlockType.ATTENTION, BlockType.RESNET, BlockType.PLAIN)
                .upBlockTypes(BlockType.PLAIN, BlockType.RESNET, BlockType.ATTENTION)
                .downsampleType(Resampling.RESNET)
                .resnetTimeScaleShift(TimeScaleShift.SCALE_SHIFT)
                .midBlockScaleFactor(Math.sqrt(2))
                .build()),
        Arguments.of("dual path", TestConfigs.tinyDualPath()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("configurations")
  void areAsAccurateAsLibtorch(String name, NetworkConfig config) {
    int size = 8;
    Random random = new Random(3);
    float[] pixels = TestConfigs.gaussians(random, IMAGES * size * size * config.inChannels());
    float[] noise = TestConfigs.gaussians(random, IMAGES * size * size * config.outChannels());
    try (UNet unet = UNet.create(config, Device.cpu(), 5)) {
      TestConfigs.perturb(unet, random);
      Map<String, double[]> ours = ours(unet, size, pixels, noise);
      Map<String, double[]> exact = torch(unet, torch.ScalarType.Double, size, pixels, noise);
      Map<String, double[]> single = torch(unet, torch.ScalarType.Float, size, pixels, noise);
      // Some gradients are zero but for rounding, as those of keys' biases, whose terms cancel.
      double usual =
          exact.keySet().stream()
              .mapToDouble(key -> NumericalError.relative(single.get(key), exact.get(key)))
              .filter(error -> error < 1e-2)
              .max()
              .orElseThrow();
      for (Parameter parameter : unet.parameters().list()) {
        String key = parameter.name();
        double peer = NumericalError.distance(single.get(key), exact.get(key));
        double allowed = Math.max(peer, usual * scale(key, exact));
        double error = NumericalError.distance(ours.get(key), exact.get(key));
        assertThat(error).as(key).isLessThanOrEqualTo(NumericalError.MULTIPLE * allowed);
      }
    }
  }

  /**
   * Size of a gradient; of a bias, whose terms may cancel, at least that of its layer's weights.
   */
  private static double scale(String key, Map<String, double[]> gradients) {
    double own = NumericalError.largest(gradients.get(key));
    double[] weights = gradients.get(key.replaceFirst("\\.bias$", ".weight"));
    return weights == null ? own : Math.max(own, NumericalError.largest(weights));
  }

  private static Map<String, double[]> ours(UNet unet, int size, float[] pixels, float[] noise) {
    unet.parameters().requireGradients();
    try (Scope scope = Scope.recording(Device.cpu())) {
      Tensor x = scope.tensor(Shape.of(IMAGES, size, size, unet.config().inChannels()), pixels);
      Tensor target = scope.tensor(x.shape().withLast(unet.config().outChannels()), noise);
      Shape labels = unet.config().labelShape(IMAGES);
      Tensor prediction =
          unet.forward(
              x,
              scope.tensor(Shape.of(IMAGES), TIMES),
              labels == null ? null : scope.tensor(labels, LABELS));
      scope.tape().backward(prediction, TrainingOps.mse(prediction, target, 1).gradient());
      Map<String, double[]> gradients = new LinkedHashMap<>();
      unet.parameters()
          .views(unet.parameters().gradients())
          .forEach(
              (parameter, gradient) ->
                  gradients.put(
                      parameter.name(),
                      NumericalError.widened(parameter.toCheckpoint(gradient.toArray()))));
      return gradients;
    }
  }

  private static Map<String, double[]> torch(
      UNet unet, torch.ScalarType type, int size, float[] pixels, float[] noise) {
    try (PointerScope pointers = new PointerScope()) {
      TorchNetwork network = TestConfigs.torch(unet, type);
      network.weights().values().forEach(weight -> weight.set_requires_grad(true));
      org.bytedeco.pytorch.Tensor prediction =
          network.forward(
              network.pictures(pixels, IMAGES, size, size, unet.config().inChannels()),
              network.tensor(TIMES, IMAGES),
              unet.config().labelShape(IMAGES) == null ? null : network.tensor(LABELS, IMAGES));
      torch
          .mse_loss(
              prediction, network.pictures(noise, IMAGES, size, size, unet.config().outChannels()))
          .backward();
      Map<String, double[]> gradients = new LinkedHashMap<>();
      network
          .weights()
          .forEach((key, weight) -> gradients.put(key, TorchNetwork.values(weight.grad())));
      return gradients;
    }
  }
}
