package io.github.ddpm4j.unet.layers;

/** How a new network starts. */
public enum Initialization {
  /** As PyTorch's layers: uniform in ±1/√fanIn throughout. */
  PYTORCH,

  /**
   * As {@link #PYTORCH}, but the last layer of every residual branch (second convolution, attention
   * output) and of the network starts at zero: every branch is the identity at first, which trains
   * better (Ho et al., arXiv 2006.11239, use variance 1e-10).
   */
  ZERO_OUTPUTS;

  /** Initialiser of the last layer of a branch. */
  public Initializer output(int fanIn) {
    return this == ZERO_OUTPUTS ? Initializer.ZEROS : Initializer.uniform(fanIn);
  }
}
