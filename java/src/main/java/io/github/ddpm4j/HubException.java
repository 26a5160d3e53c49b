package io.github.ddpm4j;

/**
 * A file of a model hub that could not be had: names the file, what was found and what was
 * expected.
 */
public class HubException extends DdpmException {
  public HubException(String message) {
    super(message);
  }

  public HubException(String message, Throwable cause) {
    super(message, cause);
  }
}
