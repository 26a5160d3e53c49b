package io.github.ddpm4j.unet;

import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Dropout;

/** An architecture: layers over parameters that {@link UNet} owns. */
interface Network {
  /**
   * @param x [N,H,W,C]
   * @param t timesteps, [N]
   * @param labels class labels, or null if there are no classes
   */
  Tensor forward(Tensor x, Tensor t, Tensor labels, Dropout dropout, LayerListener listener);

  /** Adds all layers to a summary. */
  void describe(Summary summary);
}
