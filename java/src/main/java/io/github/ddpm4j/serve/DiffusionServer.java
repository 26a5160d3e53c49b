package io.github.ddpm4j.serve;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.InvalidArgumentException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A page for the browser on which diffusion models draw, and the HTTP interface behind it:
 *
 * <ul>
 *   <li>{@code GET /} and the page's other files; {@code GET /api/workbench}: what is offered
 *   <li>{@code POST /api/runs}: draws images; answers with server-sent events, see {@link
 *       SamplingRun}
 *   <li>{@code DELETE /api/runs/ID}: ends a run, as does closing its connection
 *   <li>{@code POST /api/previews}: an image with noise and what a denoiser makes of it
 * </ul>
 *
 * <p>Whatever is refused is answered with a status and {@code {"error": "..."}}. Requests of other
 * sites' pages are refused; see {@link Guard}.
 */
public final class DiffusionServer implements AutoCloseable {
  /** Runs and previews at a time, over all clients. */
  static final int MOST_COMPUTATIONS = 8;

  private static final int OTHER_REQUESTS = 8;
  private static final int LARGEST_BODY = 1 << 20;
  private static final int SHUTDOWN_SECONDS = 10;
  private static final String RUNS = "/api/runs";
  private static final Logger LOG = LoggerFactory.getLogger(DiffusionServer.class);

  static {
    // Without it, the second of an event's two packets waits for the client to acknowledge the
    // first.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    // Clients that never finish their request do not keep a thread.
    System.setProperty("sun.net.httpserver.maxReqTime", "30");
  }

  private final HttpServer http;
  private final Guard guard;
  private final Workbench workbench;
  private final String host;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(MOST_COMPUTATIONS + OTHER_REQUESTS);
  private final Semaphore places = new Semaphore(MOST_COMPUTATIONS);

  /** Held for one denoising step at a time; fair, so that every computation gets on. */
  private final ReentrantLock turn = new ReentrantLock(true);

  private final Map<String, SamplingRun> runs = new ConcurrentHashMap<>();
  private final AtomicLong lastRun = new AtomicLong();

  /** Answers one kind of request. */
  @FunctionalInterface
  private interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  /**
   * Starts a server.
   *
   * @param host name or address to listen on: of this machine only if it is {@code localhost}
   * @param port 0 for any that is free
   * @param workbench what the page offers; closed with the server
   */
  public DiffusionServer(String host, int port, Workbench workbench) {
    if (port < 0 || port > 0xffff) {
      throw new InvalidArgumentException("port is " + port + ", expected 0 to 65535");
    }
    this.host = host;
    this.workbench = workbench;
    try {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getByName(host), port), 0);
    } catch (UnknownHostException e) {
      throw new InvalidArgumentException("host is '" + host + "', expected one of this machine");
    } catch (IOException e) {
      throw new DdpmException("cannot listen on " + host + ":" + port + ": " + e.getMessage(), e);
    }
    guard = new Guard(host, http.getAddress());
    http.setExecutor(threads);
    http.createContext("/", this::answer);
    http.start();
  }

  /** Address of the page. */
  public String url() {
    boolean anyAddress = http.getAddress().getAddress().isAnyLocalAddress();
    String name = anyAddress ? "localhost" : host.contains(":") ? "[" + host + "]" : host;
    return "http://" + name + ":" + http.getAddress().getPort() + "/";
  }

  /** Number of runs under way. */
  int running() {
    return runs.size();
  }

  private void answer(HttpExchange exchange) {
    try (exchange) {
      Guard.addHeaders(exchange.getResponseHeaders());
      try {
        guard.check(exchange.getRequestHeaders());
        handler(exchange).handle(exchange);
      } catch (HttpProblem e) {
        send(exchange, e.status(), Map.of("error", e.getMessage()));
      } catch (InvalidArgumentException e) {
        send(exchange, 400, Map.of("error", e.getMessage()));
      } catch (DdpmException e) {
        send(exchange, 500, Map.of("error", e.getMessage()));
      }
    } catch (IOException | UncheckedIOException e) {
      LOG.debug("a client has gone", e);
    } catch (RuntimeException | Error e) {
      LOG.error("{} {} failed", exchange.getRequestMethod(), exchange.getRequestURI(), e);
      throw e;
    }
  }

  private Handler handler(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath();
    String file = path.equals("/") ? "index.html" : path.substring(1);
    if (Page.type(file) != null) {
      return only("GET", exchange, e -> send(e, 200, Page.type(file), Page.read(file)));
    }
    if (path.startsWith(RUNS + "/")) {
      return only("DELETE", exchange, e -> cancel(e, path.substring(RUNS.length() + 1)));
    }
    return switch (path) {
      case "/api/workbench" -> only("GET", exchange, e -> send(e, 200, workbench.describe()));
      case RUNS -> only("POST", exchange, this::run);
      case "/api/previews" -> only("POST", exchange, this::preview);
      default -> throw new HttpProblem(404, "there is nothing at " + path);
    };
  }

  private static Handler only(String method, HttpExchange exchange, Handler handler) {
    if (!exchange.getRequestMethod().equals(method)) {
      exchange.getResponseHeaders().set("Allow", method);
      throw new HttpProblem(
          405, "method is " + exchange.getRequestMethod() + ", expected " + method);
    }
    return handler;
  }

  private void run(HttpExchange exchange) throws IOException {
    SamplingRun run = new SamplingRun(workbench, body(exchange));
    String id = String.valueOf(lastRun.incrementAndGet());
    takePlace(exchange);
    runs.put(id, run);
    try (EventStream events = new EventStream(exchange)) {
      run.run(id, turn, events);
    } finally {
      runs.remove(id);
      places.release();
    }
  }

  private void cancel(HttpExchange exchange, String id) throws IOException {
    SamplingRun run = runs.get(id);
    if (run == null) {
      throw new HttpProblem(404, "run is '" + id + "', expected one that is under way");
    }
    run.cancel();
    exchange.sendResponseHeaders(204, -1);
  }

  private void preview(HttpExchange exchange) throws IOException {
    Preview preview = new Preview(workbench, body(exchange));
    takePlace(exchange);
    Preview.Result result;
    try {
      result = preview.compute(turn);
    } finally {
      places.release();
    }
    send(exchange, 200, result);
  }

  private void takePlace(HttpExchange exchange) {
    if (!places.tryAcquire()) {
      exchange.getResponseHeaders().set("Retry-After", "5");
      throw new HttpProblem(
          503, MOST_COMPUTATIONS + " computations are under way, expected fewer: try again later");
    }
  }

  private static Fields body(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readNBytes(LARGEST_BODY + 1);
    if (body.length > LARGEST_BODY) {
      throw new HttpProblem(
          413, "the body has more than the expected " + LARGEST_BODY + " bytes at most");
    }
    return Fields.parse(body);
  }

  private static void send(HttpExchange exchange, int status, Object json) throws IOException {
    send(exchange, status, "application/json", Fields.MAPPER.writeValueAsBytes(json));
  }

  private static void send(HttpExchange exchange, int status, String type, byte[] bytes)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  /** Ends all runs after the step they are in, and the server. Closing twice is harmless. */
  @Override
  public void close() {
    runs.values().forEach(SamplingRun::cancel);
    http.stop(0);
    threads.shutdown();
    try {
      if (threads.awaitTermination(SHUTDOWN_SECONDS, TimeUnit.SECONDS)) {
        workbench.close();
      } else {
        LOG.warn("a step has not ended; its model stays in memory");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
