package io.github.ddpm4j.unet;

import io.github.ddpm4j.InvalidArgumentException;

/** Checks of configurations. */
final class Requirement {
  /** Most channels or layers: far above any network, far below where sizes would overflow. */
  static final int MOST = 1 << 16;

  private Requirement() {}

  /** Complains about the value of a key of a configuration, with what is supported instead. */
  static void require(boolean valid, String key, Object value, String supported) {
    if (!valid) {
      throw new InvalidArgumentException(key + " is " + value + "; supported: " + supported);
    }
  }

  /** Requires a number of channels or layers. */
  static void requireCount(String key, int value) {
    require(value >= 1 && value <= MOST, key, value, "1 to " + MOST);
  }
}
