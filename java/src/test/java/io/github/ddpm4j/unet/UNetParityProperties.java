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
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;

/** Whatever the configuration, predictions are libtorch's. */
class UNetParityProperties {
  /** What is promised, relative to the largest element. */
  private static final double PROMISED = 1e-4;

  @Property(tries = 40)
  void predictionsAreLibtorchs(@ForAll long seed) {
    Random random = new Random(seed);
    UNetConfig config = config(random);
    int images = 1 + random.nextInt(3);
    int h = config.sizeMultiple() * (1 + random.nextInt(3));
    int w = config.sizeMultiple() * (1 + random.nextInt(3));
    float[] pixels = TestConfigs.gaussians(random, images * h * w * config.inChannels());
    float[] times = new float[images];
    for (int i = 0; i < images; i++) {
      times[i] = random.nextInt(1000);
    }
    Shape labelShape = config.labelShape(images);
    float[] labels = labelShape == null ? null : new float[(int) labelShape.count()];
    if (labels != null) {
      for (int i = 0; i < labels.length; i++) {
        labels[i] = random.nextInt(config.numClassEmbeds());
      }
    }
    try (UNet unet = UNet.create(config, Device.cpu(), seed);
        Scope scope = Scope.open(Device.cpu());
        PointerScope pointers = new PointerScope()) {
      TestConfigs.perturb(unet, random);
      Tensor x = scope.tensor(Shape.of(images, h, w, config.inChannels()), pixels);
      Tensor classes = labels == null ? null : scope.tensor(labelShape, labels);
      double[] ours =
          NumericalError.widened(
              unet.forward(x, scope.tensor(Shape.of(images), times), classes).toArray());
      double[] theirs = torch(unet, torch.ScalarType.Float, x, times, labels);
      double error = NumericalError.relative(ours, theirs);
      if (error > PROMISED) {
        // A network whose rounding errors are larger than that: libtorch's too, beside an exact
        // run.
        double[] exact = torch(unet, torch.ScalarType.Double, x, times, labels);
        double peer = NumericalError.relative(theirs, exact);
        assertThat(NumericalError.relative(ours, exact))
            .as(config.toString())
            .isLessThanOrEqualTo(NumericalError.MULTIPLE * peer);
      }
    }
  }

  private static double[] torch(
      UNet unet, torch.ScalarType type, Tensor x, float[] times, float[] labels) {
    TorchNetwork network = TestConfigs.torch(unet, type);
    Shape labelShape = unet.config().labelShape(times.length);
    return TorchNetwork.pictureValues(
        network.forward(
            network.pictures(x.toArray(), x.dim(0), x.dim(1), x.dim(2), x.dim(3)),
            network.tensor(times, times.length),
            labels == null ? null : network.tensor(labels, labelShape.toArray())));
  }

  private static UNetConfig config(Random random) {
    int levels = 1 + random.nextInt(4);
    int groups = 1 << random.nextInt(3);
    int[] widths = new int[levels];
    int narrowest = Integer.MAX_VALUE;
    for (int i = 0; i < levels; i++) {
      widths[i] = groups * 2 * (1 + random.nextInt(6));
      narrowest = Math.min(narrowest, widths[i]);
    }
    boolean classes = random.nextInt(3) == 0;
    return UNetConfig.builder()
        .blockOutChannels(widths)
        .normNumGroups(groups)
        .downBlockTypes(blocks(random, levels))
        .upBlockTypes(blocks(random, levels))
        .inChannels(1 + random.nextInt(4))
        .outChannels(1 + random.nextInt(4))
        .layersPerBlock(1 + random.nextInt(3))
        .centerInputSample(random.nextBoolean())
        .freqShift(random.nextInt(Math.min(2, widths[0] / 2)))
        .flipSinToCos(random.nextBoolean())
        .midBlockScaleFactor(random.nextBoolean() ? 1 : 0.5 + random.nextDouble())
        .downsamplePadding(random.nextInt(2))
        .downsampleType(one(random, Resampling.values()))
        .upsampleType(one(random, Resampling.values()))
        .dropout(random.nextInt(2) * 0.1)
        .attentionHeadDim(random.nextInt(3) == 0 ? null : 1 + random.nextInt(narrowest))
        .attnNormNumGroups(random.nextBoolean() ? null : groups)
        .normEps(random.nextBoolean() ? 1e-5 : 1e-6)
        .resnetTimeScaleShift(one(random, TimeScaleShift.values()))
        .addAttention(random.nextInt(4) > 0)
        .numClassEmbeds(classes ? 10 : null)
        .classEmbedType(
            classes && random.nextBoolean() ? one(random, ClassEmbedType.values()) : null)
        .build();
  }

  private static BlockType[] blocks(Random random, int levels) {
    BlockType[] types = new BlockType[levels];
    java.util.Arrays.setAll(types, i -> one(random, BlockType.values()));
    return types;
  }

  private static <T> T one(Random random, T[] values) {
    return values[random.nextInt(values.length)];
  }
}
