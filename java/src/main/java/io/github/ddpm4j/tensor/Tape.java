package io.github.ddpm4j.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The ops of a {@linkplain Scope#recording recording} scope, in order; run backward, they give
 * gradients.
 */
public final class Tape {
  private final List<Runnable> steps = new ArrayList<>();

  Tape() {}

  /**
   * Called by every differentiable op: if a gradient is asked of an input, output passes it on.
   *
   * @param output result of the op
   * @param backward given the gradient by the output, adds to the gradients of the inputs
   * @param inputs operands; null ones are left out
   */
  public static Tensor record(Tensor output, Consumer<Tensor> backward, Tensor... inputs) {
    Tape tape = output.scope().tape();
    if (tape != null) {
      for (Tensor input : inputs) {
        if (input != null && input.requiresGradient()) {
          output.requireGradient();
          tape.steps.add(
              () -> {
                if (output.gradient() != null) {
                  backward.accept(output.gradient());
                }
              });
          break;
        }
      }
    }
    return output;
  }

  /**
   * Propagates the gradient of a loss by an output back to everything that asks for its gradient.
   * Empties the tape.
   */
  public void backward(Tensor output, Tensor gradient) {
    output.addGradient(gradient);
    for (int i = steps.size() - 1; i >= 0; i--) {
      steps.get(i).run();
    }
    steps.clear();
  }
}
