package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Parameters;

/**
 * A 3x3 convolution that halves the size by its stride, or that follows a nearest-neighbour
 * up-sampling by two.
 */
final class ResizeConvolution implements Stage {
  private final String name;
  private final int channels;
  private final boolean up;
  private final Conv2d conv;

  private ResizeConvolution(Parameters.Path at, int channels, boolean up, Conv2d conv) {
    name = at.name();
    this.channels = channels;
    this.up = up;
    this.conv = conv;
  }

  /**
   * Halves the size. Padding 1 is symmetric; padding 0 means one row below and one column to the
   * right.
   */
  static ResizeConvolution down(Parameters.Path at, int channels, int padding) {
    Window window = Window.square(3).stride(2).padding(padding, padding, 1, 1);
    return new ResizeConvolution(
        at, channels, false, new Conv2d(at.sub("conv"), channels, channels, window));
  }

  /** Doubles the size. */
  static ResizeConvolution up(Parameters.Path at, int channels) {
    return new ResizeConvolution(
        at, channels, true, Conv2d.same3x3(at.sub("conv"), channels, channels));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Tensor forward(Tensor x, Pass pass) {
    return conv.forward(up ? ResamplingOps.upsampleNearest(x) : x);
  }

  @Override
  public void describe(Summary summary) {
    if (up) {
      summary.twice();
    } else {
      summary.halve();
    }
    summary.add(name, channels, conv.macs(summary.pixels()));
  }
}
