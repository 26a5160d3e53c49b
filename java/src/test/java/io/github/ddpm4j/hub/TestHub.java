package io.github.ddpm4j.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A hub on this machine: small files come from it, large ones, as on the real one, from a second
 * server that it redirects to. Both can be told to misbehave.
 */
final class TestHub implements AutoCloseable {
  /** A request, as it arrived. */
  record Request(String server, String method, String path, String range, String authorization) {}

  private final HttpServer hub = server(this::answer);
  private final HttpServer store = server(this::send);
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, byte[]> files = new ConcurrentHashMap<>();
  private final Map<String, byte[]> large = new ConcurrentHashMap<>();

  final List<Request> requests = Collections.synchronizedList(new ArrayList<>());

  /** Replies to break off after {@link #cutAfter} bytes. */
  volatile int cuts;

  volatile int cutAfter;

  /** Milliseconds to say nothing for before each reply. */
  volatile int silence;

  /** Bodies to fall silent in after the first byte, longer than anyone waits. */
  volatile int stalls;

  /** Status to answer with instead; 0 for none. */
  volatile int status;

  volatile String errorCode;

  /** Where to redirect to instead of the second server. */
  volatile String location;

  /** Whether the second server ignores ranges. */
  volatile boolean wholeOnly;

  /** What is sent in place of a large file. */
  volatile byte[] instead;

  private interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  TestHub() {
    hub.setExecutor(threads);
    store.setExecutor(threads);
    hub.start();
    store.start();
  }

  private static HttpServer server(Handler handler) {
    try {
      HttpServer server =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.createContext(
          "/",
          exchange -> {
            try (exchange) {
              handler.handle(exchange);
            }
          });
      return server;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  String url() {
    return url(hub);
  }

  private static String url(HttpServer server) {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Puts a file into a repository; large ones are stored on the second server. */
  void put(String repository, String name, byte[] bytes, boolean isLarge) {
    (isLarge ? large : files).put("/" + repository + "/resolve/main/" + name, bytes);
  }

  void remove(String repository, String name) {
    files.remove("/" + repository + "/resolve/main/" + name);
  }

  long count(String method) {
    return requests.stream().filter(request -> request.method().equals(method)).count();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getRawPath();
    note("hub", exchange);
    Headers headers = exchange.getResponseHeaders();
    if (status != 0 || !files.containsKey(path) && !large.containsKey(path)) {
      headers.add("X-Error-Code", status == 0 ? "EntryNotFound" : String.valueOf(errorCode));
      exchange.sendResponseHeaders(status == 0 ? 404 : status, -1);
      return;
    }
    if (large.containsKey(path)) {
      byte[] bytes = large.get(path);
      headers.add("X-Linked-Etag", '"' + hex("SHA-256", bytes) + '"');
      headers.add("X-Linked-Size", "" + bytes.length);
      headers.add("Location", location == null ? url(store) + path : location);
      exchange.sendResponseHeaders(302, -1);
      return;
    }
    byte[] bytes = files.get(path);
    byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] blob = Arrays.copyOf(head, head.length + bytes.length);
    System.arraycopy(bytes, 0, blob, head.length, bytes.length);
    headers.add("ETag", "W/\"" + hex("SHA-1", blob) + '"');
    body(exchange, bytes);
  }

  private void send(HttpExchange exchange) throws IOException {
    note("store", exchange);
    body(exchange, instead == null ? large.get(exchange.getRequestURI().getPath()) : instead);
  }

  private void body(HttpExchange exchange, byte[] bytes) throws IOException {
    boolean head = exchange.getRequestMethod().equals("HEAD");
    String range = exchange.getRequestHeaders().getFirst("Range");
    int from = range == null || wholeOnly ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    if (from >= bytes.length && from > 0) {
      exchange.sendResponseHeaders(416, -1);
      return;
    }
    if (from > 0) {
      exchange
          .getResponseHeaders()
          .add("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
    }
    pause(silence);
    if (head) {
      exchange.getResponseHeaders().add("Content-Length", "" + bytes.length);
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    int length = bytes.length - from;
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, length == 0 ? -1 : length);
    int sent = cuts-- > 0 ? Math.min(cutAfter, length) : length;
    if (sent > 0) {
      exchange.getResponseBody().write(bytes, from, 1);
      exchange.getResponseBody().flush();
      if (stalls-- > 0) {
        pause(60_000);
      }
      exchange.getResponseBody().write(bytes, from + 1, sent - 1);
      exchange.getResponseBody().flush();
    }
  }

  private static void pause(int milliseconds) {
    try {
      TimeUnit.MILLISECONDS.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void note(String server, HttpExchange exchange) {
    requests.add(
        new Request(
            server,
            exchange.getRequestMethod(),
            exchange.getRequestURI().getRawPath(),
            exchange.getRequestHeaders().getFirst("Range"),
            exchange.getRequestHeaders().getFirst("Authorization")));
  }

  private static String hex(String algorithm, byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    store.stop(0);
    threads.shutdownNow();
  }
}
