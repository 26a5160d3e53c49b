package io.github.ddpm4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A headless Chromium with one tab, driven over its DevTools protocol. */
final class Browser implements AutoCloseable {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
  private static final int PATIENCE_SECONDS = 60;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Process process;
  private final WebSocket socket;
  private final AtomicInteger lastId = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> replies = new ConcurrentHashMap<>();

  /** What the page has complained of: exceptions, and what the content security policy forbids. */
  final List<String> complaints = Collections.synchronizedList(new ArrayList<>());

  /** The browser's file, or null if this machine has none. */
  static Path find() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }

  /**
   * Starts a browser.
   *
   * @param profile an empty folder
   */
  Browser(Path file, Path profile) throws Exception {
    process =
        new ProcessBuilder(
                file.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectErrorStream(true)
            .start();
    HttpClient http = HttpClient.newHttpClient();
    URI list = URI.create("http://" + address() + "/json/list");
    JsonNode tabs =
        MAPPER.readTree(
            http.send(HttpRequest.newBuilder(list).build(), BodyHandlers.ofString()).body());
    String tab = null;
    for (JsonNode candidate : tabs) {
      if (candidate.get("type").asText().equals("page")) {
        tab = candidate.get("webSocketDebuggerUrl").asText();
      }
    }
    socket = http.newWebSocketBuilder().buildAsync(URI.create(tab), new Listener()).join();
    send("Runtime.enable", Map.of());
    send("Log.enable", Map.of());
    send("Page.enable", Map.of());
  }

  /** Host and port of the protocol, as the browser prints them. */
  private String address() throws IOException {
    BufferedReader output = process.inputReader();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      if (line.startsWith("DevTools listening on ws://")) {
        Thread drain = new Thread(() -> output.lines().forEach(rest -> {}));
        drain.setDaemon(true);
        drain.start();
        return line.substring("DevTools listening on ws://".length()).split("/")[0];
      }
    }
    throw new IOException("the browser has not started");
  }

  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      text.append(part);
      if (last) {
        receive(text.toString());
        text.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private void receive(String message) {
    try {
      JsonNode json = MAPPER.readTree(message);
      if (json.path("id").asInt() > 0) {
        replies.remove(json.get("id").asInt()).complete(json);
      } else if (json.path("method").asText().equals("Runtime.exceptionThrown")) {
        complaints.add(json.at("/params/exceptionDetails").toString());
      } else if (json.at("/params/entry/level").asText().equals("error")) {
        complaints.add(json.at("/params/entry").toString());
      }
    } catch (IOException e) {
      complaints.add(e.toString());
    }
  }

  private JsonNode send(String method, Map<String, ?> parameters) throws Exception {
    int id = lastId.incrementAndGet();
    CompletableFuture<JsonNode> reply = new CompletableFuture<>();
    replies.put(id, reply);
    String message =
        MAPPER.writeValueAsString(Map.of("id", id, "method", method, "params", parameters));
    socket.sendText(message, true).join();
    JsonNode json = reply.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (json.has("error")) {
      throw new IllegalStateException(method + ": " + json.get("error"));
    }
    return json.get("result");
  }

  void open(String url) throws Exception {
    send("Page.navigate", Map.of("url", url));
    waitFor("document.readyState === 'complete' && location.href.startsWith('" + url + "')");
  }

  /** Sizes the tab, in pixels, and says which colours the user prefers. */
  void show(int width, int height, String colorScheme) throws Exception {
    send(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    Map<String, String> scheme = Map.of("name", "prefers-color-scheme", "value", colorScheme);
    send("Emulation.setEmulatedMedia", Map.of("features", List.of(scheme)));
  }

  /** The value of an expression, a promise's when it comes. */
  JsonNode evaluate(String expression) throws Exception {
    JsonNode result =
        send(
            "Runtime.evaluate",
            Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
    if (result.has("exceptionDetails")) {
      throw new IllegalStateException(expression + ": " + result.get("exceptionDetails"));
    }
    return result.at("/result/value");
  }

  /** Waits until an expression is true. */
  void waitFor(String expression) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(PATIENCE_SECONDS).toNanos();
    while (!evaluate(expression).asBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError(
            "not true within "
                + PATIENCE_SECONDS
                + " s: "
                + expression
                + "; the page says: "
                + evaluate("document.body.innerText")
                + complaints);
      }
      Thread.sleep(50);
    }
  }

  /** Presses a key as a user does. */
  void press(String key, int code) throws Exception {
    for (String type : List.of("rawKeyDown", "keyUp")) {
      send(
          "Input.dispatchKeyEvent",
          Map.of("type", type, "key", key, "code", key, "windowsVirtualKeyCode", code));
    }
  }

  /** A picture of what the tab shows, as a PNG file's bytes. */
  byte[] screenshot() throws Exception {
    JsonNode picture = send("Page.captureScreenshot", Map.of("format", "png"));
    return Base64.getDecoder().decode(picture.get("data").asText());
  }

  @Override
  public void close() throws Exception {
    List<ProcessHandle> children = process.descendants().toList();
    socket.sendText("{\"id\": 0, \"method\": \"Browser.close\"}", true);
    process.waitFor(10, TimeUnit.SECONDS);
    socket.abort();
    children.forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().waitFor();
  }
}
