package io.github.ddpm4j.sampler;

import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;

/**
 * One number's way through a step of diffusers' schedulers, written out as their formulas stand, in
 * double precision. For tests.
 *
 * @param previous x_{t-1}
 * @param x0 predicted, clipped x̂_0
 * @param magnitude sum of the sizes of all terms that went in, to which rounding errors are
 *     relative
 */
record DiffusersStep(double previous, double x0, double magnitude) {
  /** {@code DDPMScheduler.step}. */
  static DiffusersStep ddpm(
      NoiseSchedule schedule,
      PredictionType type,
      VarianceType varianceType,
      double clip,
      int t,
      int previousT,
      double sample,
      double output,
      double learned,
      double noise) {
    double alphaProd = schedule.alphaBar(t);
    double alphaProdPrevious = previousT >= 0 ? schedule.alphaBar(previousT) : 1;
    double betaProd = 1 - alphaProd;
    double betaProdPrevious = 1 - alphaProdPrevious;
    double currentAlpha = alphaProd / alphaProdPrevious;
    double currentBeta = 1 - currentAlpha;
    X0 x0 = X0.of(type, alphaProd, sample, output, clip);
    double fromX0 = Math.sqrt(alphaProdPrevious) * currentBeta / betaProd;
    double fromSample = Math.sqrt(currentAlpha) * betaProdPrevious / betaProd;
    double previous = fromX0 * x0.value + fromSample * sample;
    double magnitude =
        Math.max(x0.magnitude, fromX0 * x0.magnitude + Math.abs(fromSample * sample));
    if (t > 0) {
      double small = Math.max(betaProdPrevious / betaProd * currentBeta, 1e-20);
      double fraction = (learned + 1) / 2;
      double variance =
          switch (varianceType) {
            case FIXED_SMALL, FIXED_SMALL_LOG -> small;
            case FIXED_LARGE, FIXED_LARGE_LOG -> currentBeta;
            case LEARNED -> learned;
            case LEARNED_RANGE -> Math.pow(currentBeta, fraction) * Math.pow(small, 1 - fraction);
          };
      previous += Math.sqrt(variance) * noise;
      magnitude += Math.abs(Math.sqrt(variance) * noise);
    }
    return new DiffusersStep(previous, x0.value, magnitude);
  }

  /** {@code DDIMScheduler.step}. */
  static DiffusersStep ddim(
      NoiseSchedule schedule,
      PredictionType type,
      double eta,
      double clip,
      boolean useClippedModelOutput,
      double finalAlphaProd,
      int t,
      int previousT,
      double sample,
      double output,
      double noise) {
    double alphaProd = schedule.alphaBar(t);
    double alphaProdPrevious = previousT >= 0 ? schedule.alphaBar(previousT) : finalAlphaProd;
    double betaProd = 1 - alphaProd;
    X0 x0 = X0.of(type, alphaProd, sample, output, clip);
    double epsilon =
        switch (type) {
          case EPSILON -> output;
          case SAMPLE -> (sample - Math.sqrt(alphaProd) * output) / Math.sqrt(betaProd);
          case V_PREDICTION -> Math.sqrt(alphaProd) * output + Math.sqrt(betaProd) * sample;
        };
    double epsilonMagnitude =
        switch (type) {
          case EPSILON -> Math.abs(output);
          case SAMPLE -> (Math.abs(sample) + Math.abs(output)) / Math.sqrt(betaProd);
          case V_PREDICTION -> Math.abs(output) + Math.abs(sample);
        };
    double variance = (1 - alphaProdPrevious) / betaProd * (1 - alphaProd / alphaProdPrevious);
    double deviation = eta * Math.sqrt(variance);
    if (useClippedModelOutput) {
      epsilon = (sample - Math.sqrt(alphaProd) * x0.value) / Math.sqrt(betaProd);
      epsilonMagnitude = (Math.abs(sample) + x0.magnitude) / Math.sqrt(betaProd);
    }
    double direction = Math.sqrt(1 - alphaProdPrevious - deviation * deviation);
    double previous =
        Math.sqrt(alphaProdPrevious) * x0.value + direction * epsilon + deviation * noise;
    double magnitude =
        Math.max(
            x0.magnitude,
            Math.sqrt(alphaProdPrevious) * x0.magnitude
                + direction * epsilonMagnitude
                + Math.abs(deviation * noise));
    return new DiffusersStep(previous, x0.value, magnitude);
  }

  private record X0(double value, double magnitude) {
    static X0 of(PredictionType type, double alphaProd, double sample, double output, double clip) {
      double signal = Math.sqrt(alphaProd);
      double sigma = Math.sqrt(1 - alphaProd);
      double x0 =
          switch (type) {
            case EPSILON -> (sample - sigma * output) / signal;
            case SAMPLE -> output;
            case V_PREDICTION -> signal * sample - sigma * output;
          };
      double magnitude =
          type == PredictionType.EPSILON
              ? (Math.abs(sample) + Math.abs(output)) / signal
              : Math.abs(sample) + Math.abs(output);
      return new X0(Math.max(-clip, Math.min(clip, x0)), magnitude);
    }
  }
}
