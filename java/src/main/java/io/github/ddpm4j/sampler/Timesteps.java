package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.schedule.NoiseSchedule;

/**
 * The choice of timesteps of a sampler, applied to a schedule once that is known.
 *
 * @param custom given timesteps, or null
 * @param count number of timesteps to space, or 0 for all of the schedule's
 */
record Timesteps(int[] custom, int count, TimestepSpacing spacing, int offset) {
  static Timesteps all() {
    return new Timesteps(null, 0, TimestepSpacing.LEADING, 0);
  }

  static Timesteps spaced(int count) {
    if (count < 1) {
      throw new InvalidArgumentException("number of steps is " + count + ", expected at least 1");
    }
    return new Timesteps(null, count, TimestepSpacing.LEADING, 0);
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
    return new Timesteps(timesteps.clone(), timesteps.length, TimestepSpacing.LEADING, 0);
  }

  Timesteps spacing(TimestepSpacing other) {
    return new Timesteps(custom, count, other, offset);
  }

  Timesteps offset(int other) {
    if (other < 0) {
      throw new InvalidArgumentException("steps offset is " + other + ", expected at least 0");
    }
    return new Timesteps(custom, count, spacing, other);
  }

  int[] of(NoiseSchedule schedule) {
    int total = schedule.steps();
    if (custom == null) {
      return spacing.timesteps(total, count == 0 ? total : count, offset);
    }
    if (custom[0] >= total) {
      throw new InvalidArgumentException(
          "first timestep is " + custom[0] + ", expected less than the schedule's " + total);
    }
    return custom.clone();
  }
}
