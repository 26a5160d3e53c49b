package io.github.ddpm4j.unet;

import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The notebook's U-Net in libtorch: written from the notebook's definition, not from ours. */
final class TorchDualPathUNet extends TorchNetwork {
  private static final double EPS = 1e-5;

  private final DualPathUNetConfig config;

  TorchDualPathUNet(UNet unet, torch.ScalarType type) {
    super(unet.parameters(), type);
    config = (DualPathUNetConfig) unet.config();
  }

  @Override
  Tensor forward(Tensor x, Tensor t, Tensor labels) {
    Tensor temb = timeEmbedding(sinusoids(t, config.timeEmbedDim(), false, 0), "time_embedding");
    Tensor h = conv(x, "conv_in", 1, 1);
    Deque<Tensor> inputs = new ArrayDeque<>();
    for (int i = 0; i < config.downsample().size(); i++) {
      String block = "down_blocks." + i;
      inputs.push(h);
      h = layers(h, temb, block);
      if (config.downsample().get(i)) {
        String learned = block + ".downsampler.learned";
        Tensor strided = conv(conv(h, learned + ".pointwise", 1, 0), learned + ".strided", 2, 1);
        h = concat(strided, conv(maxPool(h), block + ".downsampler.pooled.pointwise", 1, 0));
      }
    }
    for (int i = 0; i < config.midChannels().size() - 1; i++) {
      String block = "mid_blocks." + i;
      h = resnet(h, temb, block + ".resnets.0");
      for (int j = 1; j < config.midLayersPerBlock(); j++) {
        h = attention(h, block + ".attentions." + (j - 1));
        h = resnet(h, temb, block + ".resnets." + j);
      }
    }
    for (int i = 0; i < config.downsample().size(); i++) {
      String block = "up_blocks." + i;
      if (config.downsample().get(config.downsample().size() - 1 - i)) {
        String learned = block + ".upsampler.learned";
        Tensor transposed =
            conv(convTranspose(h, learned + ".transposed", 2, 1), learned + ".pointwise", 1, 0);
        h = concat(transposed, conv(bilinear(h), block + ".upsampler.bilinear.pointwise", 1, 0));
      }
      h = layers(concat(h, inputs.pop()), temb, block);
    }
    return conv(norm(h, "conv_norm_out", config.normNumGroups(), EPS), "conv_out", 1, 1);
  }

  private Tensor layers(Tensor x, Tensor temb, String block) {
    Tensor h = x;
    for (int j = 0; j < config.layersPerBlock(); j++) {
      h = attention(resnet(h, temb, block + ".resnets." + j), block + ".attentions." + j);
    }
    return h;
  }

  private Tensor resnet(Tensor x, Tensor temb, String layer) {
    Tensor h = normActConv(x, layer, 1);
    h = h.add(linear(torch.silu(temb), layer + ".time_emb_proj").unsqueeze(2).unsqueeze(3));
    return normActConv(h, layer, 2).add(conv(x, layer + ".conv_shortcut", 1, 0));
  }

  private Tensor normActConv(Tensor x, String layer, int i) {
    return conv(
        torch.silu(norm(x, layer + ".norm" + i, config.normNumGroups(), EPS)),
        layer + ".conv" + i,
        1,
        1);
  }

  private Tensor attention(Tensor x, String layer) {
    return attention(
        x, layer, (int) x.size(1) / config.numAttentionHeads(), config.normNumGroups(), EPS);
  }
}
