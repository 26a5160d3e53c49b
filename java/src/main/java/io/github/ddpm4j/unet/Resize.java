package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.ConvolutionInput;
import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Tensor;

/** How a residual layer changes the size of its pictures. */
enum Resize {
  NONE {
    @Override
    Tensor apply(Tensor x) {
      return x;
    }

    @Override
    void apply(Summary summary) {}
  },
  AVERAGE_DOWN {
    @Override
    Tensor apply(Tensor x) {
      return ResamplingOps.averagePool(x, Window.square(2).stride(2), false);
    }

    @Override
    void apply(Summary summary) {
      summary.halve();
    }
  },
  NEAREST_UP {
    @Override
    Tensor apply(Tensor x) {
      return ResamplingOps.upsampleNearest(x);
    }

    @Override
    void apply(Summary summary) {
      summary.twice();
    }
  };

  abstract Tensor apply(Tensor x);

  /** The same for the input of a convolution, which is computed for that if it changes. */
  ConvolutionInput apply(ConvolutionInput input) {
    return this == NONE ? input : ConvolutionInput.of(apply(input.tensor()));
  }

  abstract void apply(Summary summary);
}
