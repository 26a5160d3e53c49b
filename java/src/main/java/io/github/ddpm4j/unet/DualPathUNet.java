package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Dropout;
import io.github.ddpm4j.unet.layers.GroupNorm;
import io.github.ddpm4j.unet.layers.Initialization;
import io.github.ddpm4j.unet.layers.Parameters;
import io.github.ddpm4j.unet.layers.TimeEmbedding;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The network that {@link DualPathUNetConfig} describes. */
final class DualPathUNet implements Network {
  /** PyTorch's default for GroupNorm. */
  private static final double EPS = 1e-5;

  private final DualPathUNetConfig config;
  private final ResnetBlock.Style style;
  private final Conv2d convIn;
  private final TimeEmbedding timeEmbedding;
  private final List<List<Stage>> down = new ArrayList<>();
  private final List<Stage> middle = new ArrayList<>();
  private final List<UpBlock> up = new ArrayList<>();
  private final GroupNorm normOut;
  private final Conv2d convOut;

  /**
   * @param resize ahead of the concatenation with the kept activation; null to leave the size as it
   *     is
   * @param stages behind the concatenation
   */
  private record UpBlock(Stage resize, List<Stage> stages) {}

  DualPathUNet(Parameters.Path root, DualPathUNetConfig config, Initialization initialization) {
    this.config = config;
    style =
        new ResnetBlock.Style(
            config.timeEmbedDim(), config.normNumGroups(), EPS, false, true, initialization);
    List<Integer> downChannels = config.downChannels();
    List<Integer> midChannels = config.midChannels();
    List<Integer> upChannels = config.upChannels();
    int blocks = config.downsample().size();
    convIn = Conv2d.same3x3(root.sub("conv_in"), config.inChannels(), downChannels.get(0));
    timeEmbedding =
        new TimeEmbedding(root.sub("time_embedding"), config.timeEmbedDim(), config.timeEmbedDim());
    for (int i = 0; i < blocks; i++) {
      Parameters.Path at = root.sub("down_blocks", i);
      List<Stage> stages = attendingLayers(at, downChannels.get(i), downChannels.get(i + 1));
      if (config.downsample().get(i)) {
        stages.add(new DualPathDownsample(at.sub("downsampler"), downChannels.get(i + 1)));
      }
      down.add(stages);
    }
    for (int i = 0; i < midChannels.size() - 1; i++) {
      middle.addAll(
          middleLayers(root.sub("mid_blocks", i), midChannels.get(i), midChannels.get(i + 1)));
    }
    int channels = midChannels.get(midChannels.size() - 1);
    for (int i = 0; i < blocks; i++) {
      Parameters.Path at = root.sub("up_blocks", i);
      int kept = downChannels.get(blocks - 1 - i);
      Stage resize =
          config.downsample().get(blocks - 1 - i)
              ? new DualPathUpsample(at.sub("upsampler"), channels, upChannels.get(i) - kept)
              : null;
      channels = upChannels.get(i + 1);
      up.add(new UpBlock(resize, attendingLayers(at, upChannels.get(i), channels)));
    }
    normOut =
        new GroupNorm(
            root.sub("conv_norm_out"),
            channels,
            config.normNumGroups(),
            EPS,
            GroupNorm.Activation.NONE);
    convOut = Conv2d.same3x3(root.sub("conv_out"), channels, config.inChannels(), initialization);
  }

  /** Residual layers, each followed by attention. */
  private List<Stage> attendingLayers(Parameters.Path at, int in, int out) {
    List<Stage> stages = new ArrayList<>();
    for (int j = 0; j < config.layersPerBlock(); j++) {
      stages.add(resnet(at, j, in, out));
      stages.add(attention(at, j, out));
    }
    return stages;
  }

  /** Residual layers with attention between them. */
  private List<Stage> middleLayers(Parameters.Path at, int in, int out) {
    List<Stage> stages = new ArrayList<>();
    stages.add(resnet(at, 0, in, out));
    for (int j = 1; j < config.midLayersPerBlock(); j++) {
      stages.add(attention(at, j - 1, out));
      stages.add(resnet(at, j, in, out));
    }
    return stages;
  }

  private Stage resnet(Parameters.Path block, int j, int in, int out) {
    return new ResnetBlock(block.sub("resnets", j), style, j == 0 ? in : out, out, Resize.NONE, 1);
  }

  private Stage attention(Parameters.Path block, int j, int channels) {
    return new AttentionStage(
        block.sub("attentions", j),
        channels,
        config.numAttentionHeads(),
        channels / config.numAttentionHeads(),
        config.normNumGroups(),
        EPS,
        1,
        style.initialization());
  }

  @Override
  public Tensor forward(
      Tensor x, Tensor t, Tensor labels, Dropout dropout, LayerListener listener) {
    Tensor sinusoids = PointwiseOps.timeEmbedding(t, config.timeEmbedDim(), false, 0);
    Tensor time = timeEmbedding.forward(sinusoids);
    listener.onLayer("time_embedding", time);
    Pass pass = new Pass(PointwiseOps.silu(time), dropout, listener);
    Tensor h = pass.tell("conv_in", convIn.forward(x));
    Deque<Tensor> skips = new ArrayDeque<>();
    for (List<Stage> stages : down) {
      skips.push(h);
      h = Stage.run(stages, h, pass);
    }
    h = Stage.run(middle, h, pass);
    for (UpBlock block : up) {
      Tensor resized = block.resize() == null ? h : Stage.run(List.of(block.resize()), h, pass);
      h = Stage.run(block.stages(), PointwiseOps.concat(resized, skips.pop()), pass);
    }
    h = pass.tell("conv_act", normOut.forward(h));
    return pass.tell("conv_out", convOut.forward(h));
  }

  @Override
  public void describe(Summary summary) {
    summary.addVector("time_embedding", config.timeEmbedDim(), timeEmbedding.macs());
    summary.add("conv_in", config.downChannels().get(0), convIn.macs(summary.pixels()));
    down.forEach(stages -> stages.forEach(stage -> stage.describe(summary)));
    middle.forEach(stage -> stage.describe(summary));
    for (UpBlock block : up) {
      if (block.resize() != null) {
        block.resize().describe(summary);
      }
      block.stages().forEach(stage -> stage.describe(summary));
    }
    summary.add("conv_norm_out", config.upChannels().get(config.upChannels().size() - 1), 0);
    summary.add("conv_out", config.inChannels(), convOut.macs(summary.pixels()));
  }
}
