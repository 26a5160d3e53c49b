package io.github.ddpm4j;

/** The driver or the device failed. */
public class DeviceException extends DdpmException {
  public DeviceException(String message) {
    super(message);
  }
}
