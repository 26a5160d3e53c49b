package io.github.ddpm4j.serve;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** An answer in parts: server-sent events with JSON in them. */
final class EventStream implements AutoCloseable {
  private final OutputStream out;

  EventStream(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    out = exchange.getResponseBody();
  }

  /**
   * Sends an event.
   *
   * @throws UncheckedIOException if the client has gone
   */
  void send(String event, Object data) {
    try {
      // Two packets: a client that has gone answers the first with a reset, which fails the second.
      write("event: " + event + "\n");
      write("data: " + Fields.MAPPER.writeValueAsString(data) + "\n\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
