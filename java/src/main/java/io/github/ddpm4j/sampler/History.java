package io.github.ddpm4j.sampler;

import io.github.ddpm4j.tensor.Tensor;

/** The latest tensors of a run, in memory that is used again. */
final class History {
  private final Tensor[] ring;
  private int pushed;

  /**
   * @param size how many are kept
   */
  History(int size) {
    ring = new Tensor[size];
  }

  /** Memory for a new latest tensor, in place of the oldest. */
  Tensor push(Solver.Step step) {
    int place = pushed++ % ring.length;
    if (ring[place] == null) {
      ring[place] = step.run().allocate(step.x().shape());
    }
    return ring[place];
  }

  /** The latest but age. */
  Tensor get(int age) {
    return ring[(pushed - 1 - age) % ring.length];
  }

  /** How many there are. */
  int size() {
    return Math.min(pushed, ring.length);
  }
}
