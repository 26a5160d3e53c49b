package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.Arrays;

/**
 * The choice of timesteps of a sampler, applied to a schedule once that is known.
 *
 * @param custom given timesteps, or null
 * @param count number of timesteps to space, or 0 for all of the schedule's
 * @param skip how many of the first to leave out
 */
record Timesteps(int[] custom, int count, TimestepSpacing spacing, int offset, int skip) {
  static Timesteps all() {
    return new Timesteps(null, 0, TimestepSpacing.LEADING, 0, 0);
  }

  static Timesteps spaced(int count) {
    if (count < 1) {
      throw new InvalidArgumentException("number of steps is " + count + ", expected at least 1");
    }
    return new Timesteps(null, count, TimestepSpacing.LEADING, 0, 0);
  }

  static Timesteps custom(int[] timesteps) {
    if (timesteps.length == 0) {
      throw new InvalidArgumentException("0 timesteps given, expected at least 1");
    }
    for (int i = 0; i < timesteps.length; i++) {
      if (timesteps[i] < 0 || i > 0 && timesteps[i] >= timesteps[i - 1]) {
        throw new InvalidArgumentException(
            "timestep "
                + i
                + " is "
                + timesteps[i]
                + ", expected descending timesteps of at least 0");
      }
    }
    return new Timesteps(timesteps.clone(), timesteps.length, TimestepSpacing.LEADING, 0, 0);
  }

  Timesteps spacing(TimestepSpacing other) {
    return new Timesteps(custom, count, other, offset, skip);
  }

  Timesteps offset(int other) {
    if (other < 0) {
      throw new InvalidArgumentException("steps offset is " + other + ", expected at least 0");
    }
    return new Timesteps(custom, count, spacing, other, skip);
  }

  Timesteps skipping(int more) {
    if (more < 0) {
      throw new InvalidArgumentException("levels to skip are " + more + ", expected at least 0");
    }
    return new Timesteps(custom, count, spacing, offset, skip + more);
  }

  Timesteps unskipped() {
    return new Timesteps(custom, count, spacing, offset, 0);
  }

  /** How many timesteps there are, those to skip among them. */
  int total(NoiseSchedule schedule) {
    return count == 0 ? schedule.steps() : count;
  }

  /** Timesteps that end at the schedule's first. */
  int[] of(NoiseSchedule schedule) {
    return skipped(
        given(schedule)
            ? custom.clone()
            : spacing.timesteps(schedule.steps(), total(schedule), offset));
  }

  /**
   * Timesteps one step above those that end at the schedule's first, as the schedulers have them
   * that solve an equation down to there.
   */
  int[] aboveFirst(NoiseSchedule schedule) {
    return skipped(
        given(schedule)
            ? custom.clone()
            : spacing.aboveFirst(schedule.steps(), total(schedule), offset));
  }

  /** Timesteps that end at the schedule's first; with linspace not rounded. */
  double[] fractional(NoiseSchedule schedule) {
    int n = total(schedule);
    if (given(schedule) || spacing != TimestepSpacing.LINSPACE || n == 1) {
      return Arrays.stream(of(schedule)).asDoubleStream().toArray();
    }
    double step = (schedule.steps() - 1.0) / (n - 1);
    double[] timesteps = new double[n];
    // float32, as diffusers hands them to the network.
    Arrays.setAll(timesteps, i -> (float) ((n - 1 - i) * step));
    requireSkip(n);
    return Arrays.copyOfRange(timesteps, skip, n);
  }

  private boolean given(NoiseSchedule schedule) {
    if (custom != null && custom[0] >= schedule.steps()) {
      throw new InvalidArgumentException(
          "first timestep is "
              + custom[0]
              + ", expected less than the schedule's "
              + schedule.steps());
    }
    return custom != null;
  }

  private int[] skipped(int[] timesteps) {
    requireSkip(timesteps.length);
    return Arrays.copyOfRange(timesteps, skip, timesteps.length);
  }

  void requireSkip(int n) {
    if (skip >= n) {
      throw new InvalidArgumentException(
          "levels to skip are " + skip + ", expected fewer than the sampler's " + n);
    }
  }
}
