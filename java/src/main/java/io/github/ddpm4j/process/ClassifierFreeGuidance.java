package io.github.ddpm4j.process;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * Classifier-free guidance (Ho and Salimans, arXiv 2207.12598, eq. 6): goes from what a model
 * predicts without a condition towards, and past, what it predicts with one.
 *
 * <pre>{@code
 * NoisePredictor sevens =
 *     ClassifierFreeGuidance.of(unet.withLabels(7), unet.withLabels(nullClass), 3);
 * }</pre>
 *
 * <p>A learned variance is taken from the conditional prediction.
 */
public final class ClassifierFreeGuidance implements NoisePredictor {
  private final NoisePredictor conditional;
  private final NoisePredictor unconditional;
  private final double scale;

  private ClassifierFreeGuidance(
      NoisePredictor conditional, NoisePredictor unconditional, double scale) {
    this.conditional = conditional;
    this.unconditional = unconditional;
    this.scale = scale;
  }

  /**
   * unconditional + scale (conditional - unconditional).
   *
   * @param scale {@code guidance_scale} in diffusers: 1 for none, 1 + w with the paper's w
   * @throws InvalidArgumentException if the two predict different things
   */
  public static ClassifierFreeGuidance of(
      NoisePredictor conditional, NoisePredictor unconditional, double scale) {
    if (conditional.predictionType() != unconditional.predictionType()) {
      throw new InvalidArgumentException(
          "the conditional prediction is of "
              + conditional.predictionType().configName()
              + ", expected that of the unconditional, "
              + unconditional.predictionType().configName());
    }
    if (!Double.isFinite(scale)) {
      throw new InvalidArgumentException(
          "guidance scale is " + scale + ", expected a finite number");
    }
    return new ClassifierFreeGuidance(conditional, unconditional, scale);
  }

  @Override
  public Tensor predict(Tensor xt, double t) {
    return guide(xt, conditional.predict(xt, t), unconditional.predict(xt, t));
  }

  @Override
  public Tensor predict(Tensor xt, Tensor t) {
    return guide(xt, conditional.predict(xt, t), unconditional.predict(xt, t));
  }

  private Tensor guide(Tensor xt, Tensor conditioned, Tensor plain) {
    Tensor with = conditioned.in(xt.scope());
    Tensor without = plain.in(xt.scope());
    int channels = xt.dim(-1);
    Shape withVariance = xt.shape().withLast(2 * channels);
    if (with.shape().equals(withVariance) && without.shape().equals(withVariance)) {
      Tensor[] parts = PointwiseOps.split(with, channels);
      return PointwiseOps.concat(
          guide(parts[0], PointwiseOps.split(without, channels)[0]), parts[1]);
    }
    return guide(with, without);
  }

  private Tensor guide(Tensor with, Tensor without) {
    Tensor out = with.scope().allocate(with.shape());
    return DiffusionOps.linearCombination(out, new Term(1 - scale, without), new Term(scale, with));
  }

  @Override
  public PredictionType predictionType() {
    return conditional.predictionType();
  }
}
