package io.github.ddpm4j.unet;

import io.github.ddpm4j.checkpoint.Safetensors;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Diffusers' UNet2DModel in libtorch: written from diffusers' definition, not from ours. */
final class TorchUNet extends TorchNetwork {
  private final UNetConfig config;

  TorchUNet(UNet unet, torch.ScalarType type) {
    super(unet.parameters(), type);
    config = (UNetConfig) unet.config();
  }

  TorchUNet(UNetConfig config, Map<String, Safetensors.Array> weights, torch.ScalarType type) {
    super(weights, type);
    this.config = config;
  }

  @Override
  Tensor forward(Tensor x, Tensor t, Tensor labels) {
    Tensor temb = note("time_embedding", timeEmbedding(sinusoids(t), "time_embedding"));
    if (labels != null) {
      temb = temb.add(classes(labels));
    }
    Tensor h = config.centerInputSample() ? x.mul(new Scalar(2.0)).sub(new Scalar(1.0)) : x;
    h = note("conv_in", conv(h, "conv_in", 1, 1));
    Deque<Tensor> skips = new ArrayDeque<>();
    skips.push(h);
    int levels = config.blockOutChannels().size();
    for (int i = 0; i < levels; i++) {
      String block = "down_blocks." + i;
      boolean attends = config.downBlockTypes().get(i) == BlockType.ATTENTION;
      for (int j = 0; j < config.layersPerBlock(); j++) {
        h = resnet(h, temb, block + ".resnets." + j, 1, 0);
        if (attends) {
          h = attention(h, block + ".attentions." + j);
        }
        skips.push(h);
      }
      if (has(block + ".downsamplers.0.conv")) {
        h = note(block + ".downsamplers.0", strided(h, block + ".downsamplers.0.conv"));
        skips.push(h);
      } else if (has(block + ".downsamplers.0.conv1")) {
        h = resnet(h, temb, block + ".downsamplers.0", 1, -1);
        skips.push(h);
      }
    }
    h = middle(h, temb);
    for (int i = 0; i < levels; i++) {
      String block = "up_blocks." + i;
      boolean attends = config.upBlockTypes().get(i) == BlockType.ATTENTION;
      for (int j = 0; j <= config.layersPerBlock(); j++) {
        h = resnet(concat(h, skips.pop()), temb, block + ".resnets." + j, 1, 0);
        if (attends) {
          h = attention(h, block + ".attentions." + j);
        }
      }
      if (has(block + ".upsamplers.0.conv")) {
        h = note(block + ".upsamplers.0", conv(nearest(h), block + ".upsamplers.0.conv", 1, 1));
      } else if (has(block + ".upsamplers.0.conv1")) {
        h = resnet(h, temb, block + ".upsamplers.0", 1, 1);
      }
    }
    h = note("conv_act", torch.silu(norm(h, "conv_norm_out")));
    return note("conv_out", conv(h, "conv_out", 1, 1));
  }

  private Tensor classes(Tensor labels) {
    if (config.classEmbedType() == UNetConfig.ClassEmbedType.IDENTITY) {
      return labels;
    }
    if (config.classEmbedType() == UNetConfig.ClassEmbedType.TIMESTEP) {
      return timeEmbedding(sinusoids(labels), "class_embedding");
    }
    return torch.embedding(weight("class_embedding"), labels.to(torch.ScalarType.Long));
  }

  private Tensor sinusoids(Tensor t) {
    return sinusoids(
        t, config.blockOutChannels().get(0), config.flipSinToCos(), config.freqShift());
  }

  private Tensor strided(Tensor h, String layer) {
    return config.downsamplePadding() == 0
        ? conv(torch.constant_pad_nd(h, 0, 1, 0, 1), layer, 2, 0)
        : conv(h, layer, 2, 1);
  }

  private Tensor middle(Tensor x, Tensor temb) {
    double scale = config.midBlockScaleFactor();
    Tensor h = resnet(x, temb, "mid_block.resnets.0", scale, 0);
    if (config.addAttention()) {
      boolean plain = config.resnetTimeScaleShift() == UNetConfig.TimeScaleShift.DEFAULT;
      int groups =
          config.attnNormNumGroups() != null
              ? config.attnNormNumGroups()
              : plain ? config.normNumGroups() : 0;
      String layer = "mid_block.attentions.0";
      h = note(layer, divide(attention(h, layer, headDim(h), groups, config.normEps()), scale));
    }
    return resnet(h, temb, "mid_block.resnets.1", scale, 0);
  }

  /**
   * @param resize -1 for half the size, 1 for twice, else 0
   */
  private Tensor resnet(Tensor x, Tensor temb, String layer, double scale, int resize) {
    Tensor h = torch.silu(norm(x, layer + ".norm1"));
    Tensor input = x;
    if (resize != 0) {
      h = resize < 0 ? averagePool(h) : nearest(h);
      input = resize < 0 ? averagePool(x) : nearest(x);
    }
    h = conv(h, layer + ".conv1", 1, 1);
    Tensor time = linear(torch.silu(temb), layer + ".time_emb_proj").unsqueeze(2).unsqueeze(3);
    if (config.resnetTimeScaleShift() == UNetConfig.TimeScaleShift.DEFAULT) {
      h = norm(h.add(time), layer + ".norm2");
    } else {
      long channels = h.size(1);
      Tensor factor = time.narrow(1, 0, channels).add(new Scalar(1.0));
      h = norm(h, layer + ".norm2").mul(factor).add(time.narrow(1, channels, channels));
    }
    h = conv(torch.silu(h), layer + ".conv2", 1, 1);
    if (has(layer + ".conv_shortcut")) {
      input = conv(input, layer + ".conv_shortcut", 1, 0);
    }
    return note(layer, divide(input.add(h), scale));
  }

  private Tensor attention(Tensor x, String layer) {
    return note(layer, attention(x, layer, headDim(x), config.normNumGroups(), config.normEps()));
  }

  private int headDim(Tensor x) {
    return config.attentionHeadDim() == null ? (int) x.size(1) : config.attentionHeadDim();
  }

  private Tensor norm(Tensor x, String layer) {
    return norm(x, layer, config.normNumGroups(), config.normEps());
  }
}
