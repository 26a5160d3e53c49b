package io.github.ddpm4j.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs that are cancelled, left, and under way at a time. */
@Timeout(180)
class RunsAtATimeTest {
  private static final String GATED =
      "{\"denoiser\": \"network:small\", \"sampler\": \"gated\", \"count\": 1, \"steps\": ";

  @TempDir Path data;
  private TestBench bench;
  private DiffusionServer server;
  private Client client;

  @BeforeEach
  void start() {
    bench = new TestBench(data);
    server = new DiffusionServer("localhost", 0, bench.workbench);
    client = new Client(server.url());
  }

  @AfterEach
  void stop() {
    bench.gate.release(100_000);
    server.close();
  }

  private static String id(Client.Event start) {
    assertThat(start.name()).isEqualTo("start");
    return start.data().get("run").asText();
  }

  @Test
  void aCancelledRunEndsAfterItsStep() throws Exception {
    try (Client.Events events = client.run(GATED + "1000}")) {
      String run = id(events.next());
      bench.gate.release();
      assertThat(events.next().name()).isEqualTo("step");
      assertThat(client.send("DELETE", "api/runs/" + run, null).statusCode()).isEqualTo(204);
      bench.gate.release(1000);
      List<Client.Event> rest = events.rest();
      assertThat(rest.get(rest.size() - 1).name()).isEqualTo("cancelled");
      // The first step, and at most the one that was under way.
      assertThat(bench.steps).hasSizeLessThanOrEqualTo(2);
      assertThat(client.send("DELETE", "api/runs/" + run, null).statusCode()).isEqualTo(404);
    }
  }

  @Test
  void aRunEndsWithItsConnection() throws Exception {
    String body = GATED + "1000}";
    try (Socket socket =
        client.connect(
            "POST /api/runs HTTP/1.1\nHost: AUTHORITY\nContent-Length: "
                + body.length()
                + "\n\n"
                + body)) {
      StringBuilder answer = new StringBuilder();
      // To the end of the chunk: closing with something unread would reset the connection at once.
      while (!answer.toString().contains("\"of\":1000}\n\n\r\n")) {
        answer.append((char) socket.getInputStream().read());
      }
    }
    bench.gate.release(1000);
    while (server.running() > 0) {
      Thread.sleep(10);
    }
    assertThat(bench.steps).hasSize(1);
  }

  @Test
  void clientsTakeTurnsStepByStep() throws Exception {
    Client.Events first = client.run(GATED + "400}");
    id(first.next());
    bench.gate.release();
    assertThat(first.next().name()).isEqualTo("step");
    CompletableFuture<List<Client.Event>> longer = rest(first);
    CompletableFuture<List<Client.Event>> shorter = rest(client.run(GATED + "5}"));
    // A permit at a time: the run that has had its turn asks for the next one behind the other.
    while (!shorter.isDone()) {
      bench.gate.release();
      Thread.sleep(10);
    }
    assertThat(longer).isNotDone();
    List<Thread> order = new ArrayList<>(bench.steps);
    Thread ofShorter = order.stream().filter(t -> t != order.get(0)).findFirst().orElseThrow();
    int from = order.indexOf(ofShorter);
    int to = order.lastIndexOf(ofShorter);
    assertThat(order.stream().filter(t -> t == ofShorter)).hasSize(5);
    // Between its five steps the other had at least one, and no more than it would have alone.
    assertThat(to - from + 1 - 5).isBetween(1, 40);
    bench.gate.release(1000);
    // All but the first, and the end.
    assertThat(longer.get(30, TimeUnit.SECONDS)).hasSize(400);
  }

  private static CompletableFuture<List<Client.Event>> rest(Client.Events events) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return events.rest();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Test
  void oneRunTooManyIsRefused() throws Exception {
    List<Client.Events> all = new ArrayList<>();
    for (int i = 0; i < DiffusionServer.MOST_COMPUTATIONS; i++) {
      all.add(client.run(GATED + "2}"));
      id(all.get(i).next());
    }
    for (String path : List.of("api/runs", "api/previews")) {
      String request =
          path.endsWith("runs")
              ? GATED + "2}"
              : "{\"denoiser\": \"network:small\", \"pixels\": \"" + "A".repeat(1046) + "==\"}";
      HttpResponse<String> answer = client.send("POST", path, request);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(503);
      assertThat(answer.body()).contains("8 computations are under way");
      assertThat(answer.headers().firstValue("Retry-After")).isPresent();
    }
    // Pages are served all the same, and so are runs once there is a place.
    assertThat(client.send("GET", "", null).statusCode()).isEqualTo(200);
    bench.gate.release(1000);
    for (Client.Events events : all) {
      assertThat(events.rest()).extracting(Client.Event::name).endsWith("step", "done");
    }
    assertThat(client.run(GATED + "2}").rest()).hasSize(4);
  }

  @Test
  void closingEndsRuns() throws Exception {
    Client.Events events = client.run(GATED + "1000}");
    id(events.next());
    CompletableFuture<Void> closed = CompletableFuture.runAsync(server::close);
    // Closing waits for the step under way.
    Thread.sleep(100);
    assertThat(closed).isNotDone();
    bench.gate.release(1000);
    closed.get(30, TimeUnit.SECONDS);
    assertThat(bench.steps).hasSize(1);
  }

  @Test
  void aRequestThatStopsInTheMiddleKeepsNobodyWaiting() throws Exception {
    String beginning = "POST /api/runs HTTP/1.1\nHost: AUTHORITY\nContent-Length: 100\n\n{";
    List<Socket> half = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      half.add(client.connect(beginning));
    }
    assertThat(client.send("GET", "", null).statusCode()).isEqualTo(200);
    for (Socket socket : half) {
      socket.close();
    }
  }
}
