package io.github.ddpm4j.process;

/**
 * Variance of the reverse process p(x_{t-1}|x_t); {@code variance_type} in diffusers. Ho et al.
 * (arXiv 2006.11239), section 3.2, and Nichol and Dhariwal (arXiv 2102.09672), section 3.1.
 */
public enum VarianceType {
  /** β̃_t = (1-ᾱ_{t-1})/(1-ᾱ_t) β_t, the posterior's: right if x_0 is one fixed image. */
  FIXED_SMALL("fixed_small"),

  /** β̃_t, kept as a logarithm in diffusers. */
  FIXED_SMALL_LOG("fixed_small_log"),

  /** β_t: right if x_0 is standard normal. */
  FIXED_LARGE("fixed_large"),

  /**
   * β_t, kept as a logarithm in diffusers, whose {@code DDPMScheduler} takes the logarithm's root
   * for a deviation and so ends in NaN; here it is what the name says.
   */
  FIXED_LARGE_LOG("fixed_large_log"),

  /** The second half of the model's channels. */
  LEARNED("learned"),

  /** β_t^f β̃_t^(1-f), where 2f - 1 is the second half of the model's channels. */
  LEARNED_RANGE("learned_range");

  private final String configName;

  VarianceType(String configName) {
    this.configName = configName;
  }

  /** The name in a diffusers configuration: {@code fixed_small}, {@code learned_range}... */
  public String configName() {
    return configName;
  }

  /** Whether the model predicts it, so that its output has twice the channels of its input. */
  public boolean learned() {
    return this == LEARNED || this == LEARNED_RANGE;
  }
}
