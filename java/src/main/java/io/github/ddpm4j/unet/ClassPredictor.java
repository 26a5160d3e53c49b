package io.github.ddpm4j.unet;

import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/** A network for pictures of given classes: of one class all, or each of its own. */
final class ClassPredictor implements NoisePredictor {
  private final UNet unet;
  private final int[] labels;

  ClassPredictor(UNet unet, int[] labels) {
    this.unet = unet;
    this.labels = labels.clone();
  }

  @Override
  public Tensor predict(Tensor xt, double t) {
    try (Scope scope = Scope.open(unet.device())) {
      return unet.predict(xt, t, labels(scope, xt.dim(0)));
    }
  }

  @Override
  public Tensor predict(Tensor xt, Tensor t) {
    try (Scope scope = Scope.open(unet.device())) {
      return unet.predict(xt, t, labels(scope, xt.dim(0)));
    }
  }

  /** Class numbers on the device, by ops only, so that they can be part of a graph. */
  private Tensor labels(Scope scope, int images) {
    if (labels.length == 1) {
      return scope.allocate(Shape.of(images)).fill(labels[0]);
    }
    Tensor numbers = scope.allocate(Shape.of(labels.length));
    for (int i = 0; i < labels.length; i++) {
      numbers.slice(i, 1).fill(labels[i]);
    }
    return numbers;
  }
}
