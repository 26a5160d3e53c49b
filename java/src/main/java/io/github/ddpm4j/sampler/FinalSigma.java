package io.github.ddpm4j.sampler;

/** Where the last step of a solver goes; {@code final_sigmas_type} in diffusers. */
public enum FinalSigma {
  /** To the image itself. */
  ZERO("zero"),

  /** To the noise of the schedule's first timestep. */
  SIGMA_MIN("sigma_min");

  private final String configName;

  FinalSigma(String configName) {
    this.configName = configName;
  }

  /** The name in a diffusers configuration: {@code zero} or {@code sigma_min}. */
  public String configName() {
    return configName;
  }
}
