package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;

/**
 * Which of the schedule's timesteps a sampler of fewer steps visits; {@code timestep_spacing} in
 * diffusers. Lin et al., arXiv 2305.08891, table 2.
 */
public enum TimestepSpacing {
  /**
   * 0, ⌊T/n⌋, 2⌊T/n⌋, ..., each plus the offset: ends at the first timestep, leaves the last out.
   */
  LEADING("leading") {
    @Override
    IntToDoubleFunction descending(int total, int n) {
      int ratio = total / n;
      return i -> (n - 1.0 - i) * ratio;
    }
  },

  /** From 0 to T - 1 in equal steps, rounded. */
  LINSPACE("linspace") {
    @Override
    IntToDoubleFunction descending(int total, int n) {
      return i -> n == 1 ? 0 : Math.rint((n - 1.0 - i) * ((total - 1.0) / (n - 1)));
    }
  },

  /** T - 1, T - 1 - T/n, ..., rounded: begins at the last timestep, leaves the first out. */
  TRAILING("trailing") {
    @Override
    IntToDoubleFunction descending(int total, int n) {
      // Adds up as numpy.arange does, which decides how a half is rounded.
      double delta = (total - (double) total / n) - total;
      return i -> Math.rint(total + i * delta) - 1;
    }
  };

  private final String configName;

  TimestepSpacing(String configName) {
    this.configName = configName;
  }

  abstract IntToDoubleFunction descending(int total, int n);

  /**
   * The name in a diffusers configuration: {@code leading}, {@code linspace} or {@code trailing}.
   */
  public String configName() {
    return configName;
  }

  /**
   * n of T timesteps, descending.
   *
   * @param total T, the schedule's timesteps
   * @param n timesteps to visit, 1 to T
   * @param offset added to each with LEADING, ignored otherwise; {@code steps_offset} in diffusers
   */
  int[] timesteps(int total, int n, int offset) {
    requireSteps(n, total);
    IntToDoubleFunction timestep = descending(total, n);
    int added = this == LEADING ? offset : 0;
    int largest = total - 1 - (int) timestep.applyAsDouble(0);
    if (added > largest) {
      throw new InvalidArgumentException(
          "steps offset is "
              + offset
              + ", expected at most "
              + largest
              + " for "
              + n
              + " of "
              + total
              + " timesteps");
    }
    int[] timesteps = new int[n];
    Arrays.setAll(timesteps, i -> (int) timestep.applyAsDouble(i) + added);
    return timesteps;
  }

  /**
   * n timesteps, descending, of which the last is one step above the schedule's first: of n + 1
   * that reach it, all but the last, except with TRAILING, which never reaches it.
   *
   * @param total T, the schedule's timesteps
   * @param n timesteps to visit, fewer than T
   * @param offset as for {@link #timesteps}
   */
  int[] aboveFirst(int total, int n, int offset) {
    if (this == TRAILING) {
      return timesteps(total, n, offset);
    }
    requireSteps(n, total - 1);
    return Arrays.copyOf(timesteps(total, n + 1, offset), n);
  }

  private static void requireSteps(int n, int most) {
    if (n < 1 || n > most) {
      throw new InvalidArgumentException(
          "number of steps is " + n + ", expected 1 to the schedule's " + most);
    }
  }
}
