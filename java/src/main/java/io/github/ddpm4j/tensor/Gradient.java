package io.github.ddpm4j.tensor;

/** Gradient of a loss by a tensor, shared by all views of the tensor's memory. */
final class Gradient {
  boolean required;
  Tensor value;
}
