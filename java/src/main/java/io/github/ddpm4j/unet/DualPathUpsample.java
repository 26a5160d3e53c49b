package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.ConvTranspose2d;
import io.github.ddpm4j.unet.layers.Parameters;
import io.github.ddpm4j.unet.layers.Temporaries;

/**
 * Doubles the size on two paths, each giving half of the channels: a 4x4 transposed convolution of
 * stride 2, then a 1x1 convolution; and bilinear interpolation, then a 1x1 convolution.
 *
 * <p>The second path runs the 1x1 convolution first, on a quarter of the pixels: it mixes channels,
 * the interpolation mixes pixels with weights that sum to one, so the two commute, bias included.
 */
final class DualPathUpsample implements Stage {
  private final String name;
  private final int channels;
  private final ConvTranspose2d learnedTransposed;
  private final Conv2d learnedPointwise;
  private final Conv2d bilinearPointwise;

  /**
   * @param out even
   */
  DualPathUpsample(Parameters.Path at, int in, int out) {
    name = at.name();
    channels = out;
    Parameters.Path learned = at.sub("learned");
    learnedTransposed =
        new ConvTranspose2d(
            learned.sub("transposed"), in, out / 2, Window.square(4).stride(2).padding(1));
    learnedPointwise = Conv2d.pointwise(learned.sub("pointwise"), out / 2, out / 2);
    bilinearPointwise = Conv2d.pointwise(at.sub("bilinear").sub("pointwise"), in, out / 2);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Tensor forward(Tensor x, Pass pass) {
    try (Temporaries temporaries = Temporaries.of(x)) {
      Tensor own = temporaries.own(x);
      Tensor learned = learnedPointwise.forward(learnedTransposed.forward(own));
      Tensor bilinear = ResamplingOps.upsampleBilinear(bilinearPointwise.forward(own));
      return PointwiseOps.concat(temporaries.result(learned), bilinear);
    }
  }

  @Override
  public void describe(Summary summary) {
    long macs = learnedTransposed.macs(summary.pixels()) + bilinearPointwise.macs(summary.pixels());
    summary.twice();
    summary.add(name, channels, macs + learnedPointwise.macs(summary.pixels()));
  }
}
