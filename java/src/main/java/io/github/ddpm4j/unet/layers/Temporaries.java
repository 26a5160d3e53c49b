package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.ConvolutionInput;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Where a layer puts what only it needs: memory that the next layer uses again, so that sampling
 * works in few cache-warm blocks. While a tape records, everything is kept: gradients need it.
 *
 * <pre>{@code
 * try (Temporaries temporaries = Temporaries.of(x)) {
 *   Tensor h = norm.forward(temporaries.own(x));
 *   return conv.forward(temporaries.result(h));
 * }
 * }</pre>
 */
public final class Temporaries implements AutoCloseable {
  private final Scope results;
  private final Scope scope;

  private Temporaries(Scope results) {
    this.results = results;
    scope = results.tape() == null ? Scope.open(results.device()) : results;
  }

  /** Temporaries of a layer whose result goes to the scope of its input x. */
  public static Temporaries of(Tensor x) {
    return new Temporaries(x.scope());
  }

  /** The tensor, with the results of ops on it being temporary. */
  public Tensor own(Tensor x) {
    return x.in(scope);
  }

  /** The tensor, with the results of ops on it outliving the layer. */
  public Tensor result(Tensor x) {
    return x.in(results);
  }

  /** The input, with the result of its convolution outliving the layer. */
  public ConvolutionInput result(ConvolutionInput input) {
    return input.in(results);
  }

  @Override
  public void close() {
    if (scope != results) {
      scope.close();
    }
  }
}
