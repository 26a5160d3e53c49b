package io.github.ddpm4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A client of a server under test. */
final class Client {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private final HttpClient http = HttpClient.newHttpClient();
  private final String url;

  record Event(String name, JsonNode data) {}

  /** The events of a run, as they come. */
  static final class Events implements AutoCloseable {
    private final BufferedReader lines;

    private Events(InputStream body) {
      lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
    }

    /** The next event, or null at the end. */
    Event next() throws IOException {
      String name = lines.readLine();
      if (name == null) {
        return null;
      }
      JsonNode data = MAPPER.readTree(lines.readLine().substring("data: ".length()));
      lines.readLine();
      return new Event(name.substring("event: ".length()), data);
    }

    List<Event> rest() throws IOException {
      List<Event> all = new ArrayList<>();
      for (Event event = next(); event != null; event = next()) {
        all.add(event);
      }
      return all;
    }

    @Override
    public void close() throws IOException {
      lines.close();
    }
  }

  /**
   * @param url of the server's page
   */
  Client(String url) {
    this.url = url;
  }

  HttpResponse<String> send(String method, String path, String body, String... headers)
      throws Exception {
    return http.send(request(method, path, body, headers), BodyHandlers.ofString());
  }

  Events run(String request) throws Exception {
    HttpResponse<InputStream> answer =
        http.send(request("POST", "api/runs", request), BodyHandlers.ofInputStream());
    if (answer.statusCode() != 200) {
      throw new AssertionError(new String(answer.body().readAllBytes(), StandardCharsets.UTF_8));
    }
    return new Events(answer.body());
  }

  private HttpRequest request(String method, String path, String body, String... headers) {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(URI.create(url + path))
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (headers.length > 0) {
      builder.headers(headers);
    }
    return builder.build();
  }

  /** A connection on which a request has been sent as it is; its host is AUTHORITY. */
  Socket connect(String request) throws IOException {
    URI address = URI.create(url);
    Socket socket = new Socket(address.getHost(), address.getPort());
    String text = request.replace("AUTHORITY", address.getAuthority()).replace("\n", "\r\n");
    socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
    return socket;
  }

  /** The whole answer to a request sent as it is, which asks to close the connection. */
  String raw(String request) throws IOException {
    try (Socket socket = connect(request)) {
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
