package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import picocli.CommandLine.Option;

/** Which device. */
final class DeviceOption {
  @Option(
      names = "--device",
      defaultValue = "cpu",
      description = "cpu, cuda or cuda:N. Default: ${DEFAULT-VALUE}.")
  private String name;

  /** The device; fails with the reason if it cannot be used. */
  Device get() {
    return Device.of(name);
  }
}
