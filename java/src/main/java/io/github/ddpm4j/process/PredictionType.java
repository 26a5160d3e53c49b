package io.github.ddpm4j.process;

/** What a {@link NoisePredictor} returns. */
public enum PredictionType {
  /** The noise ε. */
  EPSILON,
  /** The clean picture x_0. */
  SAMPLE,
  /** v = √ᾱ ε - √(1-ᾱ) x_0 (Salimans and Ho, arXiv 2202.00512, appendix D). */
  V_PREDICTION
}
