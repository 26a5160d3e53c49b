package io.github.ddpm4j.metrics.inception;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Initializer;
import io.github.ddpm4j.unet.layers.Parameters;

/** Part of the network: pictures [N,H,W,C] to pictures. */
@FunctionalInterface
interface Layer {
  Tensor forward(Tensor x);

  /** A convolution with the batch norm folded into it, and ReLU; its parameters are at conv. */
  static Layer conv(Parameters.Path at, int in, int out, Window window) {
    Conv2d conv = new Conv2d(at.sub("conv"), in, out, window, Initializer.ZEROS);
    return x -> PointwiseOps.relu(conv.forward(x));
  }

  static Layer maxPool(Window window) {
    return x -> ResamplingOps.maxPool(x, window);
  }

  static Layer averagePool(Window window, boolean countPadding) {
    return x -> ResamplingOps.averagePool(x, window, countPadding);
  }

  /** One after the other. */
  static Layer chain(Layer... layers) {
    return x -> {
      Tensor h = x;
      for (Layer layer : layers) {
        h = layer.forward(h);
      }
      return h;
    };
  }

  /** Side by side, their channels one after the other. */
  static Layer branches(Layer... layers) {
    return x -> {
      Tensor all = layers[0].forward(x);
      for (int i = 1; i < layers.length; i++) {
        all = PointwiseOps.concat(all, layers[i].forward(x));
      }
      return all;
    };
  }
}
