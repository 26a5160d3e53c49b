package io.github.ddpm4j;

/** Native memory could not be allocated. */
public class OutOfNativeMemoryException extends DdpmException {
  public OutOfNativeMemoryException(String message) {
    super(message);
  }
}
