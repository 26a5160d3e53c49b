package io.github.ddpm4j.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class NoiseScheduleTest {
  /** 1000 products of numbers that are each right to half an ulp. */
  private static final double PRODUCT_ERROR_PERCENT = 100 * 1000 * 0x1p-52;

  /**
   * β at 0, 1, 499, 999 and ᾱ at 499, 999 of 1000 steps, as numpy computes diffusers' formulas in
   * double precision.
   */
  static Stream<Arguments> schedules() {
    return Stream.of(
        schedule(
            NoiseSchedule::linear,
            new double[] {0.0001, 0.00011991991991991993, 0.010040040040040039, 0.02},
            new double[] {0.07858724288177824, 4.035829765375676e-05}),
        schedule(
            NoiseSchedule::quadratic,
            new double[] {0.0001, 0.00010264836435083402, 0.005722151147768562, 0.02},
            new double[] {0.3331877673563, 0.0007334124595808159}),
        schedule(
            NoiseSchedule::sigmoid,
            new double[] {
              0.00014920520081703202,
              0.00014979833041933025,
              0.010020120209938985,
              0.01995079479918297
            },
            new double[] {0.30193105660219516, 3.968181990533219e-05}),
        schedule(
            NoiseSchedule::cosine,
            new double[] {
              4.128422482196914e-05, 4.614175273665033e-05, 0.0031458862304780677, 0.999
            },
            new double[] {0.4938435904406382, 2.4287669070348567e-09}));
  }

  private static Arguments schedule(
      IntFunction<NoiseSchedule> schedule, double[] betas, double[] alphaBars) {
    return Arguments.of(schedule.apply(1000), betas, alphaBars);
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void agreesWithNumpy(NoiseSchedule schedule, double[] betas, double[] alphaBars) {
    int[] betaSteps = {0, 1, 499, 999};
    for (int i = 0; i < betaSteps.length; i++) {
      // The cosine's 1 - f/f loses four digits of the sixteen.
      assertThat(schedule.beta(betaSteps[i])).isCloseTo(betas[i], within(1e-15));
    }
    assertThat(schedule.alphaBar(499))
        .isCloseTo(alphaBars[0], withinPercentage(PRODUCT_ERROR_PERCENT));
    assertThat(schedule.alphaBar(999))
        .isCloseTo(alphaBars[1], withinPercentage(PRODUCT_ERROR_PERCENT));
  }

  @Test
  void theEndsOfASpacedScheduleAreTheGivenOnes() {
    assertThat(NoiseSchedule.linear(7, 0.1, 0.3).betas()).hasSize(7).startsWith(0.1).endsWith(0.3);
    assertThat(NoiseSchedule.quadratic(3, 0.04, 0.36).beta(1)).isCloseTo(0.16, within(1e-16));
    assertThat(NoiseSchedule.linear(1, 0.1, 0.3).betas()).containsExactly(0.1);
  }

  @Property
  void quantitiesBelongTogether(@ForAll("betas") double[] betas) {
    NoiseSchedule schedule = NoiseSchedule.custom(betas);
    double product = 1;
    for (int t = 0; t < schedule.steps(); t++) {
      assertThat(schedule.beta(t)).isEqualTo(betas[t]);
      assertThat(schedule.alpha(t)).isEqualTo(1 - betas[t]);
      product *= schedule.alpha(t);
      assertThat(schedule.alphaBar(t)).isEqualTo(product);
      assertThat(schedule.alphaBar(t)).isLessThan(schedule.alphaBar(t - 1));
      double signal = schedule.signal(t);
      double sigma = schedule.sigma(t);
      assertThat(signal * signal + sigma * sigma).isCloseTo(1, within(4 * Math.ulp(1.0)));
      assertThat(schedule.snr(t))
          .isCloseTo(signal * signal / (sigma * sigma), withinPercentage(1e-12));
    }
    assertThat(NoiseSchedule.custom(schedule.betas()).alphaBar(betas.length - 1))
        .isEqualTo(product);
  }

  @Provide
  Arbitrary<double[]> betas() {
    return Arbitraries.doubles()
        .between(1e-4, 0.5)
        .ofScale(9)
        .array(double[].class)
        .ofMinSize(1)
        .ofMaxSize(40);
  }

  @Test
  void timestepMinusOneIsTheImageItself() {
    NoiseSchedule schedule = NoiseSchedule.linear(10);
    assertThat(schedule.alphaBar(-1)).isEqualTo(1);
    assertThat(schedule.signal(-1)).isEqualTo(1);
    assertThat(schedule.sigma(-1)).isEqualTo(0);
    assertThat(schedule.snr(-1)).isInfinite();
  }

  @Property
  void rescalingKeepsTheFirstSignalAndLeavesNoneAtTheEnd(
      @ForAll @IntRange(min = 2, max = 1000) int steps) {
    NoiseSchedule schedule = NoiseSchedule.linear(steps);
    NoiseSchedule rescaled = schedule.rescaledToZeroTerminalSnr();
    assertThat(rescaled.signal(0)).isCloseTo(schedule.signal(0), within(1e-12));
    assertThat(rescaled.alphaBar(steps - 1)).isZero();
    assertThat(rescaled.snr(steps - 1)).isZero();
    assertThat(rescaled.beta(steps - 1)).isEqualTo(1);
    // √ᾱ is mapped linearly: midway between first and last stays midway.
    int middle = steps / 2;
    double before =
        (schedule.signal(middle) - schedule.signal(steps - 1))
            / (schedule.signal(0) - schedule.signal(steps - 1));
    assertThat(rescaled.signal(middle) / rescaled.signal(0)).isCloseTo(before, within(1e-10));
  }

  @Test
  void rescalingAgreesWithNumpy() {
    assertThat(NoiseSchedule.linear(1000).rescaledToZeroTerminalSnr().alphaBar(500))
        .isCloseTo(0.0752462157043267, withinPercentage(PRODUCT_ERROR_PERCENT));
  }

  @Test
  void betasAreCopies() {
    double[] betas = {0.1, 0.2};
    NoiseSchedule schedule = NoiseSchedule.custom(betas);
    betas[0] = 0.9;
    schedule.betas()[1] = 0.9;
    assertThat(schedule.betas()).containsExactly(0.1, 0.2);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
  void refusesNumbersOfStepsBelowOne(int steps) {
    assertThatThrownBy(() -> NoiseSchedule.linear(steps))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("is " + steps)
        .hasMessageContaining("at least 1");
    assertThatThrownBy(() -> NoiseSchedule.cosine(steps))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(NoiseSchedule::custom).isInstanceOf(InvalidArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1, -0.1, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesBetasOutsideTheUnitInterval(double beta) {
    assertThatThrownBy(() -> NoiseSchedule.linear(10, beta, 0.02))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining(String.valueOf(beta));
    assertThatThrownBy(() -> NoiseSchedule.quadratic(10, 0.02, beta))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> NoiseSchedule.custom(beta, 0.5))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("beta 0 is " + beta);
  }

  @Test
  void refusesTimestepsOutsideTheSchedule() {
    NoiseSchedule schedule = NoiseSchedule.linear(10);
    assertThatThrownBy(() -> schedule.beta(-1)).hasMessage("timestep is -1, expected 0 to 9");
    assertThatThrownBy(() -> schedule.alphaBar(-2)).hasMessage("timestep is -2, expected -1 to 9");
    assertThatThrownBy(() -> schedule.snr(10)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> NoiseSchedule.linear(1).rescaledToZeroTerminalSnr())
        .isInstanceOf(InvalidArgumentException.class);
  }

  @Test
  void betweenTimestepsTheRatioOfNoiseToSignalIsLinear() {
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    double below = schedule.sigma(700) / schedule.signal(700);
    double above = schedule.sigma(701) / schedule.signal(701);
    assertThat(schedule.sigma(700.25) / schedule.signal(700.25))
        .isCloseTo(0.75 * below + 0.25 * above, within(1e-12));
    assertThat(schedule.alphaBar(-0.5)).isBetween(schedule.alphaBar(0), 1.0);
    assertThat(schedule.alphaBar(999.0)).isEqualTo(schedule.alphaBar(999));
    for (double t : new double[] {-1.5, 999.5, Double.NaN}) {
      assertThatThrownBy(() -> schedule.alphaBar(t))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("timestep is " + t);
    }
  }

  @Test
  void inFloat32NumbersAreRoundedAsPyTorchRoundsThem() {
    NoiseSchedule exact = NoiseSchedule.linear(1000);
    NoiseSchedule rounded = exact.asFloat32();
    assertThat(rounded.alphaBar(0)).isEqualTo(1f - 1e-4f);
    for (int t = 0; t < 1000; t++) {
      double alphaBar = rounded.alphaBar(t);
      assertThat(alphaBar).isEqualTo((float) alphaBar);
      // 1 - β is rounded for each timestep, and the errors of a thousand add up at random.
      double error = 1e-6 * exact.alphaBar(t);
      assertThat(alphaBar).isCloseTo(exact.alphaBar(t), within(error));
    }
    float ratio = (float) rounded.alphaBar(5) / (float) rounded.alphaBar(4);
    assertThat(rounded.beta(5)).isEqualTo(1 - ratio);
  }
}
