package io.github.ddpm4j;

/** The base of everything that ddpm4j throws: one catch handles them all. */
public class DdpmException extends RuntimeException {
  public DdpmException(String message) {
    super(message);
  }

  public DdpmException(String message, Throwable cause) {
    super(message, cause);
  }
}
