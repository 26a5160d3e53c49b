package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TimestepSpacingTest {
  /** As numpy computes diffusers' formulas. */
  @ParameterizedTest
  @CsvSource({
    "LEADING, 7, 1, '853, 711, 569, 427, 285, 143, 1'",
    "LEADING, 4, 0, '750, 500, 250, 0'",
    "LINSPACE, 7, 1, '999, 832, 666, 500, 333, 166, 0'",
    "LINSPACE, 1, 0, '0'",
    "TRAILING, 7, 1, '999, 856, 713, 570, 428, 285, 142'",
    "TRAILING, 4, 0, '999, 749, 499, 249'"
  })
  void tables(TimestepSpacing spacing, int n, int offset, String expected) {
    assertThat(Arrays.toString(spacing.timesteps(1000, n, offset))).isEqualTo("[" + expected + "]");
  }

  /**
   * Every table of 1 to 1000 of 1000 timesteps, folded into one number; numpy gives the same
   * numbers.
   */
  @ParameterizedTest
  @CsvSource({"LEADING, 4127210365", "LINSPACE, 2542312885", "TRAILING, 1013299796"})
  void allTables(TimestepSpacing spacing, long expected) {
    int hash = 0;
    for (int n = 1; n <= 1000; n++) {
      for (int t : spacing.timesteps(1000, n, 0)) {
        hash = hash * 31 + t;
      }
    }
    assertThat(Integer.toUnsignedLong(hash)).isEqualTo(expected);
  }

  @Property
  void timestepsDescendWithinTheSchedule(
      @ForAll TimestepSpacing spacing,
      @ForAll @IntRange(min = 1, max = 2000) int total,
      @ForAll @IntRange(min = 1, max = 2000) int wanted) {
    int n = Math.min(wanted, total);
    int[] timesteps = spacing.timesteps(total, n, 0);
    assertThat(timesteps).hasSize(n);
    assertThat(timesteps[0]).isLessThan(total);
    assertThat(timesteps[n - 1]).isNotNegative();
    for (int i = 1; i < n; i++) {
      assertThat(timesteps[i]).isLessThan(timesteps[i - 1]);
    }
  }

  @Test
  void allOfTheScheduleForEverySpacing() {
    for (TimestepSpacing spacing : TimestepSpacing.values()) {
      assertThat(Ddpm.full().spacing(spacing).timesteps(NoiseSchedule.linear(4)))
          .containsExactly(3, 2, 1, 0);
    }
  }

  /** As numpy computes what diffusers' multistep schedulers do. */
  @ParameterizedTest
  @CsvSource({
    "LINSPACE, 10, 0, '999, 899, 799, 699, 599, 500, 400, 300, 200, 100'",
    "LINSPACE, 1, 0, '999'",
    "LEADING, 4, 1, '801, 601, 401, 201'",
    "TRAILING, 4, 0, '999, 749, 499, 249'"
  })
  void tablesAboveTheFirstTimestep(TimestepSpacing spacing, int n, int offset, String expected) {
    assertThat(Arrays.toString(spacing.aboveFirst(1000, n, offset)))
        .isEqualTo("[" + expected + "]");
  }

  /** From {@code test_steps_offset} of diffusers' PNDM and inverse schedulers. */
  @Test
  void timestepsOfSamplersWithSeveralCallsAStep() {
    NoiseSchedule schedule = NoiseSchedule.linear(1000);
    assertThat(Pndm.steps(10).stepsOffset(1).timesteps(schedule))
        .containsExactly(
            901, 851, 851, 801, 801, 751, 751, 701, 701, 651, 651, 601, 601, 501, 401, 301, 201,
            101, 1);
    assertThat(Pndm.steps(4).skipPrkSteps(true).timesteps(schedule))
        .containsExactly(750, 500, 500, 250, 0);
    assertThat(Pndm.steps(1).skipPrkSteps(true).timesteps(schedule)).containsExactly(0);
    assertThat(DdimInverse.steps(5).stepsOffset(1).timesteps(schedule))
        .containsExactly(1, 201, 401, 601, 801);
    assertThat(Heun.steps(3).timesteps(schedule)).containsExactly(999, 499.5, 499.5, 0, 0);
    assertThatThrownBy(() -> Pndm.steps(3).timesteps(schedule))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("number of steps is 3, expected at least 4");
  }

  @Test
  void givenTimestepsStayAsTheyAre() {
    int[] given = {30, 20, 3};
    Ddpm sampler = Ddpm.timesteps(given);
    given[0] = 7;
    assertThat(sampler.timesteps(NoiseSchedule.linear(31))).containsExactly(30, 20, 3);
    assertThatThrownBy(() -> sampler.timesteps(NoiseSchedule.linear(30)))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("first timestep is 30");
  }

  @Test
  void refusesWhatDoesNotFit() {
    NoiseSchedule schedule = NoiseSchedule.linear(10);
    assertThatThrownBy(() -> Ddim.steps(11).timesteps(schedule))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("number of steps is 11, expected 1 to the schedule's 10");
    assertThatThrownBy(() -> Ddim.steps(0)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Ddim.steps(5).stepsOffset(2).timesteps(schedule))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("offset is 2, expected at most 1");
    assertThatThrownBy(() -> Ddpm.full().stepsOffset(Integer.MAX_VALUE).timesteps(schedule))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Ddpm.steps(5).stepsOffset(-1))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Ddpm.timesteps(3, 3)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Ddpm.timesteps(3, -1)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(Ddpm::timesteps).isInstanceOf(InvalidArgumentException.class);
  }
}
