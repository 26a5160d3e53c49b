package io.github.ddpm4j.process;

import io.github.ddpm4j.InvalidArgumentException;

/**
 * What a model's output stands for; {@code prediction_type} in diffusers.
 *
 * <p>Whatever it is, x̂_0 and ε̂ are linear in x_t and the output, since x_t = √ᾱ_t x_0 + √(1-ᾱ_t)
 * ε.
 */
public enum PredictionType {
  /** The noise ε (Ho et al., arXiv 2006.11239, eq. 14). */
  EPSILON("epsilon") {
    @Override
    public Combination x0(double alphaBar) {
      if (alphaBar == 0) {
        throw new InvalidArgumentException(
            "prediction type is epsilon where alphaBar is 0, expected v_prediction or sample:"
                + " x_0 does not follow from pure noise");
      }
      double signal = Math.sqrt(alphaBar);
      return new Combination(1 / signal, -Math.sqrt(1 - alphaBar) / signal);
    }

    @Override
    public Combination epsilon(double alphaBar) {
      return new Combination(0, 1);
    }
  },

  /** The image x_0. */
  SAMPLE("sample") {
    @Override
    public Combination x0(double alphaBar) {
      return new Combination(0, 1);
    }

    @Override
    public Combination epsilon(double alphaBar) {
      double sigma = Math.sqrt(1 - alphaBar);
      return new Combination(1 / sigma, -Math.sqrt(alphaBar) / sigma);
    }
  },

  /** The velocity v = √ᾱ_t ε - √(1-ᾱ_t) x_0 (Salimans and Ho, arXiv 2202.00512, section 4). */
  V_PREDICTION("v_prediction") {
    @Override
    public Combination x0(double alphaBar) {
      return new Combination(Math.sqrt(alphaBar), -Math.sqrt(1 - alphaBar));
    }

    @Override
    public Combination epsilon(double alphaBar) {
      return new Combination(Math.sqrt(1 - alphaBar), Math.sqrt(alphaBar));
    }
  };

  /** The tensor fromXt x_t + fromOutput output. */
  public record Combination(double fromXt, double fromOutput) {}

  private final String configName;

  PredictionType(String configName) {
    this.configName = configName;
  }

  /**
   * x̂_0 where x_t has the given ᾱ_t.
   *
   * @param alphaBar in [0, 1)
   * @throws InvalidArgumentException if x_0 does not follow from the output, as from ε where ᾱ_t is
   *     0
   */
  public abstract Combination x0(double alphaBar);

  /** ε̂ where x_t has the given ᾱ_t, in [0, 1). */
  public abstract Combination epsilon(double alphaBar);

  /**
   * The name in a diffusers configuration: {@code epsilon}, {@code sample} or {@code v_prediction}.
   */
  public String configName() {
    return configName;
  }
}
