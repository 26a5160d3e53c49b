package io.github.ddpm4j.internal;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.DeviceException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.NotSupportedException;
import io.github.ddpm4j.OutOfNativeMemoryException;

/** Maps status codes of the native library to exceptions. */
public final class Status {
  private Status() {}

  /**
   * Throws the exception of a status that is not {@code DDPM_OK}, with the native library's
   * message.
   */
  public static void check(int status) {
    if (status == NativeApi.DDPM_OK) {
      return;
    }
    String message = NativeApi.ddpm_last_error().getString();
    throw switch (status) {
      case NativeApi.DDPM_INVALID_ARGUMENT -> new InvalidArgumentException(message);
      case NativeApi.DDPM_OUT_OF_MEMORY -> new OutOfNativeMemoryException(message);
      case NativeApi.DDPM_NOT_SUPPORTED -> new NotSupportedException(message);
      case NativeApi.DDPM_STALE_MEMORY -> new ClosedException(message);
      case NativeApi.DDPM_DEVICE_ERROR -> new DeviceException(message);
      default -> new DdpmException(message);
    };
  }
}
