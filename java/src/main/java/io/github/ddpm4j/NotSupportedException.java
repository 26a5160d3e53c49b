package io.github.ddpm4j;

/** A case that no backend of the device implements. */
public class NotSupportedException extends DdpmException {
  public NotSupportedException(String message) {
    super(message);
  }
}
