package io.github.ddpm4j.benchmarks.peer;

import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNetConfig;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Diffusers' UNet2DModel on a peer's layers, written from diffusers' definition; without class
 * labels and with time embeddings that are added.
 */
public final class PeerUNet<T> {
  private final PeerLayers<T> on;
  private final UNetConfig config;

  public PeerUNet(PeerLayers<T> on, UNetConfig config) {
    this.on = on;
    this.config = config;
  }

  /** Predicts from [N,C,H,W] and timesteps [N]. */
  public T forward(T x, T t) {
    int first = config.blockOutChannels().get(0);
    T time =
        on.part(
            () -> {
              T h = on.sinusoids(t, first, config.flipSinToCos(), config.freqShift());
              h = on.silu(on.linear(h, "time_embedding.linear_1"));
              return on.silu(on.linear(h, "time_embedding.linear_2"));
            });
    T h = conv3x3(x, "conv_in");
    Deque<T> skips = new ArrayDeque<>(List.of(h));
    int levels = config.blockOutChannels().size();
    for (int i = 0; i < levels; i++) {
      String block = "down_blocks." + i;
      for (int j = 0; j < config.layersPerBlock(); j++) {
        h = layer(h, time, block, config.downBlockTypes().get(i), j);
        skips.push(h);
      }
      String resize = block + ".downsamplers.0.conv";
      if (on.has(resize)) {
        int padding = config.downsamplePadding();
        h = on.conv(h, resize, 2, padding, padding, 1, 1);
        skips.push(h);
      }
    }
    h = resnet(h, time, "mid_block.resnets.0");
    if (config.addAttention()) {
      h = attention(h, "mid_block.attentions.0");
    }
    h = resnet(h, time, "mid_block.resnets.1");
    for (int i = 0; i < levels; i++) {
      String block = "up_blocks." + i;
      for (int j = 0; j <= config.layersPerBlock(); j++) {
        h = layer(on.concat(h, skips.pop()), time, block, config.upBlockTypes().get(i), j);
      }
      String resize = block + ".upsamplers.0.conv";
      if (on.has(resize)) {
        h = conv3x3(on.upsample(h), resize);
      }
    }
    return conv3x3(on.silu(norm(h, "conv_norm_out")), "conv_out");
  }

  private T layer(T x, T time, String block, BlockType type, int j) {
    T h = resnet(x, time, block + ".resnets." + j);
    return type == BlockType.ATTENTION ? attention(h, block + ".attentions." + j) : h;
  }

  private T resnet(T x, T time, String name) {
    return on.part(
        () -> {
          T h = conv3x3(on.silu(norm(x, name + ".norm1")), name + ".conv1");
          h = on.addToPixels(h, on.linear(time, name + ".time_emb_proj"));
          h = conv3x3(on.silu(norm(h, name + ".norm2")), name + ".conv2");
          String shortcut = name + ".conv_shortcut";
          return on.add(on.has(shortcut) ? on.conv(x, shortcut, 1, 0, 0, 0, 0) : x, h);
        });
  }

  private T attention(T x, String name) {
    return on.part(
        () -> {
          T tokens = on.tokens(norm(x, name + ".group_norm"));
          T mixed =
              on.attention(
                  on.linear(tokens, name + ".to_q"),
                  on.linear(tokens, name + ".to_k"),
                  on.linear(tokens, name + ".to_v"),
                  1);
          return on.add(on.pictures(on.linear(mixed, name + ".to_out.0"), x), x);
        });
  }

  private T conv3x3(T x, String layer) {
    return on.conv(x, layer, 1, 1, 1, 1, 1);
  }

  private T norm(T x, String layer) {
    return on.groupNorm(x, layer, config.normNumGroups(), config.normEps());
  }
}
