package io.github.ddpm4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.InvalidArgumentException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.api.Test;

class PredictionTypeTest {
  @Property
  void recoversImageAndNoiseFromAPerfectOutput(
      @ForAll PredictionType type,
      @ForAll @Scale(9) @DoubleRange(min = 1e-4, max = 0.9999) double alphaBar,
      @ForAll @Scale(9) @DoubleRange(min = -1, max = 1) double x0,
      @ForAll @Scale(9) @DoubleRange(min = -4, max = 4) double epsilon) {
    double signal = Math.sqrt(alphaBar);
    double sigma = Math.sqrt(1 - alphaBar);
    double xt = signal * x0 + sigma * epsilon;
    double output =
        switch (type) {
          case EPSILON -> epsilon;
          case SAMPLE -> x0;
          case V_PREDICTION -> signal * epsilon - sigma * x0;
        };
    // Division by signal or sigma, at least 0.01 here, enlarges the rounding errors of double a
    // hundredfold.
    assertThat(apply(type.x0(alphaBar), xt, output)).isCloseTo(x0, within(1e-13));
    assertThat(apply(type.epsilon(alphaBar), xt, output)).isCloseTo(epsilon, within(1e-13));
  }

  private static double apply(PredictionType.Combination combination, double xt, double output) {
    return combination.fromXt() * xt + combination.fromOutput() * output;
  }

  @Test
  void noImageFollowsFromNoiseWhereNoSignalIsLeft() {
    assertThatThrownBy(() -> PredictionType.EPSILON.x0(0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("v_prediction");
    assertThat(PredictionType.V_PREDICTION.x0(0)).isEqualTo(new PredictionType.Combination(0, -1));
    assertThat(PredictionType.SAMPLE.x0(0)).isEqualTo(new PredictionType.Combination(0, 1));
  }

  @Test
  void namesAreThoseOfDiffusers() {
    assertThat(PredictionType.values())
        .extracting(PredictionType::configName)
        .containsExactly("epsilon", "sample", "v_prediction");
    assertThat(VarianceType.values())
        .extracting(VarianceType::configName)
        .containsExactly(
            "fixed_small",
            "fixed_small_log",
            "fixed_large",
            "fixed_large_log",
            "learned",
            "learned_range");
  }
}
