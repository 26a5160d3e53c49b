package io.github.ddpm4j.unet;

import java.util.Random;
import org.bytedeco.pytorch.global.torch;

/** Networks that several tests use. */
final class TestConfigs {
  private TestConfigs() {}

  /** Three levels, attention in the middle one. */
  static UNetConfig.Builder tiny() {
    return UNetConfig.builder()
        .blockOutChannels(16, 32, 16)
        .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION, BlockType.PLAIN)
        .upBlockTypes(BlockType.PLAIN, BlockType.ATTENTION, BlockType.PLAIN)
        .normNumGroups(8);
  }

  /** The MNIST network that peers were measured with. */
  static UNetConfig.Builder mnist() {
    return UNetConfig.builder()
        .sampleSize(32)
        .inChannels(1)
        .outChannels(1)
        .blockOutChannels(32, 64, 128)
        .downBlockTypes(BlockType.PLAIN, BlockType.PLAIN, BlockType.ATTENTION)
        .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN, BlockType.PLAIN)
        .normNumGroups(8);
  }

  static DualPathUNetConfig tinyDualPath() {
    return DualPathUNetConfig.builder()
        .sampleSize(8)
        .downChannels(8, 16, 32)
        .midChannels(32, 16)
        .upChannels(32, 24, 8)
        .downsample(true, false)
        .layersPerBlock(1)
        .midLayersPerBlock(2)
        .timeEmbedDim(16)
        .build();
  }

  /** The network in libtorch, with the same weights. */
  static TorchNetwork torch(UNet unet, torch.ScalarType type) {
    return unet.config() instanceof UNetConfig
        ? new TorchUNet(unet, type)
        : new TorchDualPathUNet(unet, type);
  }

  /** Moves normalisations away from the identity, so that no factor or shift can be forgotten. */
  static void perturb(UNet unet, Random random) {
    float[] values = unet.parameters().values().toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] += 0.02f * (float) random.nextGaussian();
    }
    unet.parameters().values().copyFrom(values);
  }

  static float[] gaussians(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
