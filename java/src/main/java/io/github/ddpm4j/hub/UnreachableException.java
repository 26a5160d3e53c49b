package io.github.ddpm4j.hub;

import io.github.ddpm4j.HubException;

/** The server cannot be reached, or stays silent. */
final class UnreachableException extends HubException {
  UnreachableException(String message, Throwable cause) {
    super(message, cause);
  }
}
