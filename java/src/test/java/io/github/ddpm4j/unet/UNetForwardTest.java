package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNetConfig.ClassEmbedType;
import io.github.ddpm4j.unet.UNetConfig.Resampling;
import io.github.ddpm4j.unet.UNetConfig.TimeScaleShift;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Forward passes of both networks against libtorch. */
class UNetForwardTest {
  private static final int IMAGES = 3;

  static Stream<Arguments> configurations() {
    return Stream.of(
        config("defaults", tiny()),
        config("heads that leave channels over", tiny().attentionHeadDim(5)),
        config("one head", tiny().attentionHeadDim(null)),
        config("padding 0", tiny().downsamplePadding(0)),
        config("sin first", tiny().flipSinToCos(false).freqShift(1)),
        config("scale and shift", tiny().resnetTimeScaleShift(TimeScaleShift.SCALE_SHIFT)),
        config(
            "scale and shift, normalised middle",
            tiny().resnetTimeScaleShift(TimeScaleShift.SCALE_SHIFT).attnNormNumGroups(4)),
        config(
            "resnet blocks",
            tiny()
                .downBlockTypes(BlockType.RESNET, BlockType.RESNET, BlockType.ATTENTION)
                .upBlockTypes(BlockType.PLAIN, BlockType.RESNET, BlockType.RESNET)),
        config(
            "resnet sampling",
            tiny()
                .downBlockTypes(BlockType.ATTENTION, BlockType.PLAIN, BlockType.PLAIN)
                .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN, BlockType.ATTENTION)
                .downsampleType(Resampling.RESNET)
                .upsampleType(Resampling.RESNET)),
        config("scaled middle", tiny().midBlockScaleFactor(Math.sqrt(2))),
        config("classes", tiny().numClassEmbeds(10)),
        config("class timesteps", tiny().classEmbedType(ClassEmbedType.TIMESTEP)),
        config("class vectors", tiny().classEmbedType(ClassEmbedType.IDENTITY)),
        config("centred, no middle attention", tiny().centerInputSample(true).addAttention(false)),
        config(
            "learned variance, one layer", tiny().inChannels(2).outChannels(4).layersPerBlock(1)),
        config(
            "one level",
            tiny()
                .blockOutChannels(16)
                .downBlockTypes(BlockType.PLAIN)
                .upBlockTypes(BlockType.PLAIN)),
        config("mnist", TestConfigs.mnist()),
        Arguments.of("dual path", TestConfigs.tinyDualPath()),
        Arguments.of("notebook", DualPathUNetConfig.builder().build()));
  }

  private static UNetConfig.Builder tiny() {
    return TestConfigs.tiny();
  }

  private static Arguments config(String name, UNetConfig.Builder builder) {
    return Arguments.of(name, builder.build());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("configurations")
  void isAsAccurateAsLibtorch(String name, NetworkConfig config) {
    int multiple = config.sizeMultiple();
    int h = config.sampleHeight() > 0 ? config.sampleHeight() : 2 * multiple;
    int w = config.sampleWidth() > 0 ? config.sampleWidth() : 3 * multiple;
    Random random = new Random(7);
    float[] pixels = TestConfigs.gaussians(random, IMAGES * h * w * config.inChannels());
    float[] times = {0, 731, 42.5f};
    Shape labelShape = config.labelShape(IMAGES);
    float[] labels =
        labelShape == null
            ? null
            : labelShape.rank() == 1
                ? new float[] {3, 0, 9}
                : TestConfigs.gaussians(random, (int) labelShape.count());
    try (UNet unet = UNet.create(config, Device.cpu(), 1);
        Scope scope = Scope.open(Device.cpu())) {
      TestConfigs.perturb(unet, random);
      Tensor x = scope.tensor(Shape.of(IMAGES, h, w, config.inChannels()), pixels);
      Tensor t = scope.tensor(Shape.of(IMAGES), times);
      Tensor classes = labels == null ? null : scope.tensor(labelShape, labels);
      double[] ours = NumericalError.widened(unet.forward(x, t, classes).toArray());
      double[] exact = torch(unet, torch.ScalarType.Double, x, times, labels);
      double[] single = torch(unet, torch.ScalarType.Float, x, times, labels);
      double error = NumericalError.relative(ours, exact);
      double peer = NumericalError.relative(single, exact);
      assertThat(error).isLessThanOrEqualTo(NumericalError.MULTIPLE * peer);
    }
  }

  private static double[] torch(
      UNet unet, torch.ScalarType type, Tensor x, float[] times, float[] labels) {
    try (PointerScope pointers = new PointerScope()) {
      TorchNetwork network = TestConfigs.torch(unet, type);
      Shape labelShape = unet.config().labelShape(IMAGES);
      return TorchNetwork.pictureValues(
          network.forward(
              network.pictures(x.toArray(), x.dim(0), x.dim(1), x.dim(2), x.dim(3)),
              network.tensor(times, times.length),
              labels == null ? null : network.tensor(labels, labelShape.toArray())));
    }
  }
}
