package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Two linear maps with SiLU between them, over the sinusoidal embedding of timesteps: [N,in] gives
 * [N,out].
 *
 * <p>Parameters: {@code linear_1} and {@code linear_2}.
 */
public final class TimeEmbedding {
  private final Linear linear1;
  private final Linear linear2;

  public TimeEmbedding(Parameters.Path at, int in, int out) {
    linear1 = new Linear(at.sub("linear_1"), in, out);
    linear2 = new Linear(at.sub("linear_2"), out, out);
  }

  public Tensor forward(Tensor sinusoids) {
    return linear2.forward(PointwiseOps.silu(linear1.forward(sinusoids)));
  }

  /** Multiplications for one timestep. */
  public long macs() {
    return linear1.macs(1) + linear2.macs(1);
  }
}
