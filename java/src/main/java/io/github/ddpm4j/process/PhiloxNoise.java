package io.github.ddpm4j.process;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.tensor.Tensor;

/** Philox noise of a seed from an image on. */
record PhiloxNoise(long seed, long firstImage) implements Noise {
  @Override
  public Tensor fill(Tensor out, int draw) {
    return DiffusionOps.randn(out, seed, firstImage, draw);
  }

  @Override
  public boolean repeatable() {
    return true;
  }

  @Override
  public Noise from(long image) {
    if (image < 0) {
      throw new InvalidArgumentException("first image is " + image + ", expected at least 0");
    }
    return new PhiloxNoise(seed, image);
  }
}
