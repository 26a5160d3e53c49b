package io.github.ddpm4j;

/** An argument that cannot be used: the message names the value and what was expected. */
public class InvalidArgumentException extends DdpmException {
  public InvalidArgumentException(String message) {
    super(message);
  }
}
