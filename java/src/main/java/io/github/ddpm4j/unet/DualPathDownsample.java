package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Parameters;
import io.github.ddpm4j.unet.layers.Temporaries;

/**
 * Halves the size on two paths, each giving half of the channels: a 1x1 convolution, then a 4x4 one
 * of stride 2; and 2x2 max-pooling, then a 1x1 convolution.
 */
final class DualPathDownsample implements Stage {
  private static final Window POOL = Window.square(2).stride(2);

  private final String name;
  private final int channels;
  private final Conv2d learnedPointwise;
  private final Conv2d learnedStrided;
  private final Conv2d pooledPointwise;

  DualPathDownsample(Parameters.Path at, int channels) {
    name = at.name();
    this.channels = channels;
    Parameters.Path learned = at.sub("learned");
    learnedPointwise = Conv2d.pointwise(learned.sub("pointwise"), channels, channels);
    learnedStrided =
        new Conv2d(
            learned.sub("strided"), channels, channels / 2, Window.square(4).stride(2).padding(1));
    pooledPointwise = Conv2d.pointwise(at.sub("pooled").sub("pointwise"), channels, channels / 2);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Tensor forward(Tensor x, Pass pass) {
    try (Temporaries temporaries = Temporaries.of(x)) {
      Tensor own = temporaries.own(x);
      Tensor learned = learnedStrided.forward(learnedPointwise.forward(own));
      Tensor pooled = pooledPointwise.forward(ResamplingOps.maxPool(own, POOL));
      return PointwiseOps.concat(temporaries.result(learned), pooled);
    }
  }

  @Override
  public void describe(Summary summary) {
    long macs = learnedPointwise.macs(summary.pixels());
    summary.halve();
    macs += learnedStrided.macs(summary.pixels()) + pooledPointwise.macs(summary.pixels());
    summary.add(name, channels, macs);
  }
}
