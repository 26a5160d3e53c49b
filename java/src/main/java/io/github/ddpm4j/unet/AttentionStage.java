package io.github.ddpm4j.unet;

import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Attention;
import io.github.ddpm4j.unet.layers.Initialization;
import io.github.ddpm4j.unet.layers.Parameters;

/** {@link Attention} as a stage. */
final class AttentionStage implements Stage {
  private final String name;
  private final int channels;
  private final double outputScaleFactor;
  private final Attention attention;

  AttentionStage(
      Parameters.Path at,
      int channels,
      int heads,
      int headDim,
      int groups,
      double eps,
      double outputScaleFactor,
      Initialization initialization) {
    name = at.name();
    this.channels = channels;
    this.outputScaleFactor = outputScaleFactor;
    attention = new Attention(at, channels, heads, headDim, groups, eps, initialization);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Tensor forward(Tensor x, Pass pass) {
    return ResnetBlock.divide(attention.forward(x), outputScaleFactor);
  }

  @Override
  public void describe(Summary summary) {
    summary.add(name, channels, attention.macs(summary.pixels()));
  }
}
