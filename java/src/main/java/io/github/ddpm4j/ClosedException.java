package io.github.ddpm4j;

/** A model, scope or tensor was used after it was closed. */
public class ClosedException extends DdpmException {
  public ClosedException(String message) {
    super(message);
  }
}
