package io.github.ddpm4j.process;

/**
 * Variance of the reverse process p(x_{t-1}|x_t); {@code variance_type} in diffusers. Ho et al.,
 * section 3.2.
 */
public enum VarianceType {
  /** β̃_t = (1-ᾱ_{t-1})/(1-ᾱ_t) β_t, the posterior's: right if x_0 is one fixed image. */
  FIXED_SMALL("fixed_small"),

  /** β_t: right if x_0 is standard normal. */
  FIXED_LARGE("fixed_large");

  private final String configName;

  VarianceType(String configName) {
    this.configName = configName;
  }

  /** The name in a diffusers configuration: {@code fixed_small} or {@code fixed_large}. */
  public String configName() {
    return configName;
  }
}
