package io.github.ddpm4j.unet;

import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Dropout;

/**
 * What all stages of a network share in one forward pass.
 *
 * @param time SiLU of the time embedding, [N,D]
 */
record Pass(Tensor time, Dropout dropout, LayerListener listener) {
  /** Tells the listener of a layer; gives its output. */
  Tensor tell(String layer, Tensor output) {
    listener.onLayer(layer, output);
    return output;
  }
}
