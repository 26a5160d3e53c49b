package io.github.ddpm4j.ops;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Checks that the ops share. Sizes and overlaps are checked again by the native library; shapes are
 * checked here.
 */
final class Operands {
  private Operands() {}

  /** Native reference of an optional operand: 0 if it is null. */
  static long memory(Tensor optional) {
    return optional == null ? 0 : optional.memory();
  }

  static void requireRank(String name, Tensor tensor, int rank) {
    if (tensor.shape().rank() != rank) {
      throw new InvalidArgumentException(
          name + " has shape " + tensor.shape() + ", expected rank " + rank);
    }
  }

  /** Requires a shape of an operand that may be null. */
  static void requireShape(String name, Tensor tensor, Shape expected) {
    if (tensor != null && !tensor.shape().equals(expected)) {
      throw new InvalidArgumentException(
          name + " has shape " + tensor.shape() + ", expected " + expected);
    }
  }

  static void requireDivisible(String what, int number, int divisor) {
    if (divisor < 1 || number % divisor != 0) {
      throw new InvalidArgumentException(what + ": " + number + " is not divisible by " + divisor);
    }
  }
}
