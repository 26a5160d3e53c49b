package io.github.ddpm4j.unet;

import io.github.ddpm4j.tensor.Tensor;

/** A part of a network that takes one activation [N,H,W,C] to the next. */
interface Stage {
  Tensor forward(Tensor x, Pass pass);

  /** Adds a line to a summary, whose size it may change. */
  void describe(Summary summary);
}
