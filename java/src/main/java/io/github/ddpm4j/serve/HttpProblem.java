package io.github.ddpm4j.serve;

/** A request that is refused, with a status and a message for its sender. */
final class HttpProblem extends RuntimeException {
  private final int status;

  HttpProblem(int status, String message) {
    super(message);
    this.status = status;
  }

  int status() {
    return status;
  }
}
