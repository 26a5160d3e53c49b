package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Dropout;
import io.github.ddpm4j.unet.layers.Embedding;
import io.github.ddpm4j.unet.layers.GroupNorm;
import io.github.ddpm4j.unet.layers.Initialization;
import io.github.ddpm4j.unet.layers.Parameters;
import io.github.ddpm4j.unet.layers.TimeEmbedding;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The U-Net of Ho et al. (arXiv 2006.11239, appendix B), as diffusers' {@code UNet2DModel}: names
 * of parameters and all arithmetic are the same.
 */
final class ResnetUNet implements Network {
  private final UNetConfig config;
  private final Initialization initialization;
  private final ResnetBlock.Style style;
  private final Conv2d convIn;
  private final TimeEmbedding timeEmbedding;
  private final Embedding classTable;
  private final TimeEmbedding classEmbedding;

  /** Each inner list ends in an activation that is kept for the way up. */
  private final List<List<Stage>> down = new ArrayList<>();

  private final List<Stage> middle = new ArrayList<>();

  /** Each inner list starts from the concatenation with a kept activation. */
  private final List<List<Stage>> up = new ArrayList<>();

  private final GroupNorm normOut;
  private final Conv2d convOut;

  ResnetUNet(Parameters.Path root, UNetConfig config, Initialization initialization) {
    this.config = config;
    this.initialization = initialization;
    style =
        new ResnetBlock.Style(
            config.timeEmbedDim(),
            config.normNumGroups(),
            config.normEps(),
            config.resnetTimeScaleShift() == UNetConfig.TimeScaleShift.SCALE_SHIFT,
            false,
            initialization);
    int first = config.blockOutChannels().get(0);
    convIn = Conv2d.same3x3(root.sub("conv_in"), config.inChannels(), first);
    timeEmbedding = new TimeEmbedding(root.sub("time_embedding"), first, config.timeEmbedDim());
    Parameters.Path classes = root.sub("class_embedding");
    classTable =
        config.classEmbedType() == null && config.numClassEmbeds() != null
            ? new Embedding(classes, config.numClassEmbeds(), config.timeEmbedDim())
            : null;
    classEmbedding =
        config.classEmbedType() == UNetConfig.ClassEmbedType.TIMESTEP
            ? new TimeEmbedding(classes, first, config.timeEmbedDim())
            : null;
    buildDown(root);
    buildMiddle(root.sub("mid_block"));
    buildUp(root);
    normOut =
        new GroupNorm(
            root.sub("conv_norm_out"),
            first,
            config.normNumGroups(),
            config.normEps(),
            GroupNorm.Activation.SILU);
    convOut = Conv2d.same3x3(root.sub("conv_out"), first, config.outChannels(), initialization);
  }

  private void buildDown(Parameters.Path root) {
    int levels = config.blockOutChannels().size();
    int channels = config.blockOutChannels().get(0);
    for (int i = 0; i < levels; i++) {
      Parameters.Path at = root.sub("down_blocks", i);
      BlockType type = config.downBlockTypes().get(i);
      int out = config.blockOutChannels().get(i);
      for (int j = 0; j < config.layersPerBlock(); j++) {
        down.add(layer(at, type, j, j == 0 ? channels : out, out));
      }
      if (i < levels - 1) {
        Parameters.Path sampler = at.sub("downsamplers", 0);
        down.add(
            List.of(
                resnetResizes(type, config.downsampleType())
                    ? resnet(sampler, out, out, Resize.AVERAGE_DOWN)
                    : ResizeConvolution.down(sampler, out, config.downsamplePadding())));
      }
      channels = out;
    }
  }

  private void buildMiddle(Parameters.Path at) {
    int channels = config.blockOutChannels().get(config.blockOutChannels().size() - 1);
    double scale = config.midBlockScaleFactor();
    middle.add(
        new ResnetBlock(at.sub("resnets", 0), style, channels, channels, Resize.NONE, scale));
    if (config.addAttention()) {
      middle.add(attention(at.sub("attentions", 0), channels, config.midAttentionGroups(), scale));
    }
    middle.add(
        new ResnetBlock(at.sub("resnets", 1), style, channels, channels, Resize.NONE, scale));
  }

  private void buildUp(Parameters.Path root) {
    List<Integer> widths = config.blockOutChannels();
    int levels = widths.size();
    int layers = config.layersPerBlock() + 1;
    int channels = widths.get(levels - 1);
    for (int i = 0; i < levels; i++) {
      Parameters.Path at = root.sub("up_blocks", i);
      BlockType type = config.upBlockTypes().get(i);
      int out = widths.get(levels - 1 - i);
      // The last activation kept at a level is that of the level's entry, with the channels of the
      // finer level.
      int lastSkip = widths.get(Math.max(levels - 2 - i, 0));
      for (int j = 0; j < layers; j++) {
        int skip = j == layers - 1 ? lastSkip : out;
        List<Stage> stages = layer(at, type, j, (j == 0 ? channels : out) + skip, out);
        if (j == layers - 1 && i < levels - 1) {
          Parameters.Path sampler = at.sub("upsamplers", 0);
          stages.add(
              resnetResizes(type, config.upsampleType())
                  ? resnet(sampler, out, out, Resize.NEAREST_UP)
                  : ResizeConvolution.up(sampler, out));
        }
        up.add(stages);
      }
      channels = out;
    }
  }

  private List<Stage> layer(Parameters.Path block, BlockType type, int j, int in, int out) {
    List<Stage> stages = new ArrayList<>();
    stages.add(resnet(block.sub("resnets", j), in, out, Resize.NONE));
    if (type == BlockType.ATTENTION) {
      stages.add(attention(block.sub("attentions", j), out, config.normNumGroups(), 1));
    }
    return stages;
  }

  private ResnetBlock resnet(Parameters.Path at, int in, int out, Resize resize) {
    return new ResnetBlock(at, style, in, out, resize, 1);
  }

  private AttentionStage attention(Parameters.Path at, int channels, int groups, double scale) {
    return new AttentionStage(
        at,
        channels,
        config.heads(channels),
        config.headDim(channels),
        groups,
        config.normEps(),
        scale,
        initialization);
  }

  private static boolean resnetResizes(BlockType type, UNetConfig.Resampling attentionBlocks) {
    return type == BlockType.RESNET
        || type == BlockType.ATTENTION && attentionBlocks == UNetConfig.Resampling.RESNET;
  }

  @Override
  public Tensor forward(
      Tensor x, Tensor t, Tensor labels, Dropout dropout, LayerListener listener) {
    Tensor time = timeEmbedding.forward(sinusoids(t));
    listener.onLayer("time_embedding", time);
    Pass pass = new Pass(PointwiseOps.silu(withClasses(time, labels)), dropout, listener);
    Tensor h = pass.tell("conv_in", convIn.forward(config.centerInputSample() ? center(x) : x));
    Deque<Tensor> skips = new ArrayDeque<>();
    skips.push(h);
    for (List<Stage> stages : down) {
      h = Stage.run(stages, h, pass);
      skips.push(h);
    }
    h = Stage.run(middle, h, pass);
    for (List<Stage> stages : up) {
      h = Stage.run(stages, h, skips.pop(), pass);
    }
    h = pass.tell("conv_act", normOut.forward(h));
    return pass.tell("conv_out", convOut.forward(h));
  }

  private Tensor withClasses(Tensor time, Tensor labels) {
    if (classTable != null) {
      return PointwiseOps.add(time, classTable.forward(labels));
    }
    if (classEmbedding != null) {
      return PointwiseOps.add(time, classEmbedding.forward(sinusoids(labels)));
    }
    return labels == null ? time : PointwiseOps.add(time, labels);
  }

  private Tensor sinusoids(Tensor t) {
    return PointwiseOps.timeEmbedding(
        t, config.blockOutChannels().get(0), config.flipSinToCos(), config.freqShift());
  }

  /** 2 x - 1. */
  private static Tensor center(Tensor x) {
    return PointwiseOps.add(PointwiseOps.scale(x, 2), x.scope().allocate(x.shape()).fill(-1));
  }

  @Override
  public void describe(Summary summary) {
    int first = config.blockOutChannels().get(0);
    summary.addVector("time_embedding", first, config.timeEmbedDim(), timeEmbedding.macs());
    if (config.classConditional()) {
      summary.addVector(
          "class_embedding",
          1,
          config.timeEmbedDim(),
          classEmbedding == null ? 0 : classEmbedding.macs());
    }
    summary.add("conv_in", first, convIn.macs(summary.pixels()));
    Deque<Long> skips = new ArrayDeque<>();
    skips.push(summary.activation());
    for (List<Stage> stages : down) {
      stages.forEach(stage -> stage.describe(summary));
      skips.push(summary.activation());
    }
    middle.forEach(stage -> stage.describe(summary));
    for (List<Stage> stages : up) {
      summary.join(skips.pop());
      stages.forEach(stage -> stage.describe(summary));
    }
    summary.add("conv_norm_out", first, 0);
    summary.add("conv_out", config.outChannels(), convOut.macs(summary.pixels()));
  }
}
