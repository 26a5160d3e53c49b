package io.github.ddpm4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps.ReverseStep;
import io.github.ddpm4j.schedule.NoiseSchedule;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ReverseProcessTest {
  private static final int STEPS = 1000;
  private static final double ROUNDING_PERCENT = 1e-7;

  private final NoiseSchedule schedule = NoiseSchedule.linear(STEPS);
  private final ReverseProcess reverse = new ReverseProcess(schedule);

  /**
   * Bayes' rule: the product of the densities q(x_t|x_s) and q(x_s|x_0) of x_s, completed to a
   * square.
   */
  @Property
  void isThePosteriorOfTheForwardProcess(
      @ForAll @IntRange(max = STEPS - 2) int s,
      @ForAll @IntRange(min = 1, max = STEPS) int stride) {
    int t = Math.min(s + stride, STEPS - 1);
    double alpha = 1;
    for (int step = s + 1; step <= t; step++) {
      alpha *= schedule.alpha(step);
    }
    double precision = alpha / (1 - alpha) + 1 / (1 - schedule.alphaBar(s));
    assertThat(reverse.variance(t, s, VarianceType.FIXED_SMALL))
        .isCloseTo(1 / precision, withinPercentage(ROUNDING_PERCENT));
    assertThat(reverse.variance(t, s, VarianceType.FIXED_LARGE))
        .isCloseTo(1 - alpha, withinPercentage(ROUNDING_PERCENT));
    assertThat(reverse.meanFromXt(t, s))
        .isCloseTo(Math.sqrt(alpha) / (1 - alpha) / precision, withinPercentage(ROUNDING_PERCENT));
    assertThat(reverse.meanFromX0(t, s))
        .isCloseTo(
            schedule.signal(s) / (1 - schedule.alphaBar(s)) / precision,
            withinPercentage(ROUNDING_PERCENT));
  }

  /** Ho et al., eq. 11: the mean in terms of the predicted noise. */
  @Property
  void meanAgreesWithItsFormForPredictedNoise(@ForAll @IntRange(max = STEPS - 1) int t) {
    ReverseStep step = reverse.mean(t, t - 1, PredictionType.EPSILON, Double.POSITIVE_INFINITY);
    double fromXt = step.fromXt() + step.fromX0() * step.x0FromXt();
    double fromEpsilon = step.fromOutput() + step.fromX0() * step.x0FromOutput();
    assertThat(fromXt)
        .isCloseTo(1 / Math.sqrt(schedule.alpha(t)), withinPercentage(ROUNDING_PERCENT));
    assertThat(fromEpsilon)
        .isCloseTo(
            -schedule.beta(t) / schedule.sigma(t) / Math.sqrt(schedule.alpha(t)),
            withinPercentage(ROUNDING_PERCENT));
  }

  @Test
  void addsNoiseExceptFromTimestepZero() {
    ReverseStep last = reverse.step(0, -1, PredictionType.EPSILON, VarianceType.FIXED_LARGE, 1);
    assertThat(last.fromNoise()).isZero();
    ReverseStep other = reverse.step(500, 400, PredictionType.SAMPLE, VarianceType.FIXED_SMALL, 2);
    assertThat(other.fromNoise())
        .isEqualTo(Math.sqrt(reverse.variance(500, 400, VarianceType.FIXED_SMALL)));
    assertThat(other.clip()).isEqualTo(2);
    assertThat(reverse.mean(500, 400, PredictionType.SAMPLE, 2).fromNoise()).isZero();
  }

  @Test
  void smallVarianceKeepsAFiniteLogarithm() {
    assertThat(reverse.variance(0, -1, VarianceType.FIXED_SMALL)).isEqualTo(1e-20);
    assertThat(reverse.variance(0, -1, VarianceType.FIXED_LARGE)).isEqualTo(schedule.beta(0));
  }

  @Test
  void stepsGoToEarlierTimestepsOfTheSchedule() {
    assertThatThrownBy(() -> reverse.variance(5, 5, VarianceType.FIXED_LARGE))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("from timestep 5 to 5");
    assertThatThrownBy(() -> reverse.meanFromX0(STEPS, 5))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> reverse.meanFromXt(5, -2))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
