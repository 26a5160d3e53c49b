package io.github.ddpm4j.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.checkpoint.SchedulerKind;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.tensor.Shape;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DiffusionServerTest {
  private static final String NETWORK = "{\"denoiser\": \"network:small\"";

  @TempDir Path data;
  private TestBench bench;
  private DiffusionServer server;
  private Client client;

  @BeforeEach
  void start() throws Exception {
    TestBench.writeDigits(data);
    bench = new TestBench(data);
    server = new DiffusionServer("localhost", 0, bench.workbench);
    client = new Client(server.url());
  }

  @AfterEach
  void stop() {
    bench.gate.release(100_000);
    server.close();
  }

  private static void assertRefused(HttpResponse<String> answer, int status, String... reasons)
      throws Exception {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    assertThat(Client.MAPPER.readTree(answer.body()).get("error").asText()).contains(reasons);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ddim", "ddpm", "heun"})
  void aRunEndsWithTheImagesOfSample(String name) throws Exception {
    Sampler sampler =
        switch (name) {
          case "ddim" -> bench.model.ddim(6);
          case "ddpm" -> bench.model.ddpm(6);
          default -> bench.model.scheduler().sampler(SchedulerKind.HEUN_DISCRETE, 6);
        };
    Images images = bench.model.sample(SampleOptions.count(3).seed(7).sampler(sampler));
    int calls = sampler.timesteps(bench.model.schedule()).length;

    String request = NETWORK + ", \"sampler\": \"" + name + "\", \"steps\": 6, \"seed\": 7";
    List<Client.Event> events = client.run(request + ", \"count\": 3}").rest();

    assertThat(events).hasSize(calls + 2);
    assertThat(events.get(0).name()).isEqualTo("start");
    assertThat(events.get(0).data().get("of").asInt()).isEqualTo(calls);
    for (int i = 0; i < calls; i++) {
      Client.Event step = events.get(i + 1);
      assertThat(step.name()).isEqualTo("step");
      assertThat(step.data().get("step").asInt()).isEqualTo(i);
      assertThat(step.data().get("t").asDouble())
          .isEqualTo(sampler.timesteps(bench.model.schedule())[i]);
      assertThat(step.data().get("x").binaryValue()).hasSize(3 * 28 * 28);
      assertThat(step.data().get("x0").binaryValue()).hasSize(3 * 28 * 28);
    }
    Client.Event done = events.get(calls + 1);
    assertThat(done.name()).isEqualTo("done");
    assertThat(done.data().get("x").binaryValue()).isEqualTo(images.bytes());
  }

  @Test
  void withoutASamplerTheModelsDefaultIsTaken() throws Exception {
    List<Client.Event> events = client.run(NETWORK + ", \"count\": 2}").rest();
    assertThat(events.get(events.size() - 1).data().get("x").binaryValue())
        .isEqualTo(bench.model.sample(2).bytes());
  }

  @Test
  void samplesOfTheOptimalDenoiserAreTrainingImages() throws Exception {
    List<Client.Event> events =
        client
            .run("{\"denoiser\": \"optimal:mnist\", \"steps\": 9, \"count\": 4, \"nearest\": true}")
            .rest();
    byte[] drawn = events.get(events.size() - 2).data().get("x").binaryValue();
    try (OptimalDenoiser optimal =
        OptimalDenoiser.over(Mnist.train(data), bench.model.schedule())) {
      Images images =
          DiffusionModel.sample(
              optimal,
              optimal.schedule(),
              Shape.of(28, 28, 1),
              SampleOptions.count(4).sampler(bench.model.ddim(9)));
      assertThat(drawn).isEqualTo(images.bytes());
    }
    Client.Event nearest = events.get(events.size() - 1);
    assertThat(nearest.name()).isEqualTo("nearest");
    assertThat(nearest.data()).hasSize(4);
    for (int i = 0; i < 4; i++) {
      JsonNode neighbour = nearest.data().get(i);
      int index = neighbour.at("/image/index").asInt();
      assertThat(neighbour.get("distance").asDouble()).isLessThan(0.01);
      assertThat(neighbour.at("/image/label").asInt()).isEqualTo(index % 10);
      byte[] sample = Arrays.copyOfRange(drawn, i * 784, (i + 1) * 784);
      assertThat(neighbour.at("/image/pixels").binaryValue()).isEqualTo(sample);
    }
  }

  @Test
  void longRunsSendPicturesNowAndThen() throws Exception {
    List<Client.Event> events =
        client.run(NETWORK + ", \"sampler\": \"ddim\", \"steps\": 250, \"count\": 1}").rest();
    assertThat(events).hasSize(252);
    List<Integer> shown = new ArrayList<>();
    for (int i = 0; i < 250; i++) {
      if (!events.get(i + 1).data().get("x").isNull()) {
        shown.add(i);
      }
    }
    assertThat(shown).hasSizeBetween(50, 101).startsWith(0, 3).endsWith(249);
  }

  @Test
  void thePageIsToldWhatThereIs() throws Exception {
    JsonNode offered = Client.MAPPER.readTree(client.send("GET", "api/workbench", null).body());
    assertThat(offered.get("samplers")).hasSize(4);
    JsonNode denoisers = offered.get("denoisers");
    assertThat(denoisers.findValuesAsText("id"))
        .containsExactly("network:small", "optimal:mnist", "optimal:cifar10");
    assertThat(denoisers.at("/0/timesteps").asInt()).isEqualTo(1000);
    assertThat(denoisers.at("/1/problem").isNull()).isTrue();
    assertThat(denoisers.at("/2/problem").asText()).contains("cifar-10-batches-bin");
    assertThat(denoisers.at("/2/channels").asInt()).isEqualTo(3);
    assertRefused(
        client.send("POST", "api/runs", "{\"denoiser\": \"optimal:cifar10\"}"),
        400,
        "denoiser is \"optimal:cifar10\"",
        "cifar-10-batches-bin");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nonsense| the body is not JSON",
        "''| expected a JSON object",
        "[1]| the body is [1], expected a JSON object",
        "{}| denoiser is missing, expected one of network:small, optimal:mnist",
        "{'denoiser': 'psychic'}| denoiser is \"psychic\", expected one of network:small",
        "{'denoiser': 7}| denoiser is 7, expected one of",
        "{NET, 'scheduler': 'optimal:mnist'}| scheduler is \"optimal:mnist\", expected one of network:small",
        "{NET, 'sampler': 'magic'}| sampler is \"magic\", expected one of ddim",
        "{NET, 'steps': 0}| steps is 0, expected a whole number from 1 to 1000",
        "{NET, 'steps': 1001}| steps is 1001, expected a whole number from 1 to 1000",
        "{NET, 'steps': 2.5}| steps is 2.5, expected a whole number",
        "{NET, 'steps': '9'}| steps is \"9\", expected a whole number",
        "{NET, 'count': 0}| count is 0, expected a whole number from 1 to 64",
        "{NET, 'count': 65}| count is 65, expected a whole number from 1 to 64",
        "{NET, 'count': 4294967297}| count is 4294967297, expected a whole number from 1 to 64",
        "{NET, 'seed': 99999999999999999999}| seed is 99999999999999999999, expected a whole number",
        "{NET, 'seed': true}| seed is true, expected a whole number",
        "{NET, 'nearest': 1}| nearest is 1, expected true or false",
        "{NET, 'sede': 1}| there is a field sede",
        "{NET} x| expected a JSON object"
      })
  void runsOfWrongParametersAreRefused(String request, String reason) throws Exception {
    assertRefused(client.send("POST", "api/runs", json(request)), 400, reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{NET, 't': -1}| t is -1, expected a whole number from 0 to 999",
        "{NET, 't': 1000}| t is 1000, expected a whole number from 0 to 999",
        "{NET, 'index': -1}| index is -1, expected",
        "{NET, 'index': 60}| image is 60, expected 0 to 59",
        "{NET, 'pixels': 'AAAA'}| pixels is \"AAAA\", expected 784 bytes in Base64",
        "{NET, 'pixels': '!'}| pixels is \"!\", expected 784 bytes in Base64",
        "{NET, 'steps': 5}| there is a field steps"
      })
  void previewsOfWrongParametersAreRefused(String request, String reason) throws Exception {
    assertRefused(client.send("POST", "api/previews", json(request)), 400, reason);
  }

  private static String json(String shortened) {
    return shortened.replace("NET", "'denoiser': 'network:small'").replace('\'', '"');
  }

  @Test
  void pathsAndMethodsThatAreNotThereAreRefused() throws Exception {
    assertRefused(client.send("GET", "nothing", null), 404, "/nothing");
    assertRefused(client.send("GET", "../pom.xml", null), 404, "pom.xml");
    assertRefused(client.send("GET", "Page.class", null), 404, "Page.class");
    assertRefused(client.send("DELETE", "api/runs/12", null), 404, "run is '12'");
    HttpResponse<String> answer = client.send("GET", "api/runs", null);
    assertRefused(answer, 405, "method is GET, expected POST");
    assertThat(answer.headers().firstValue("Allow")).hasValue("POST");
    assertRefused(client.send("POST", "", "{}"), 405, "method is POST, expected GET");
    assertRefused(client.send("GET", "api/previews", null), 405, "expected POST");
  }

  @Test
  void bodiesThatAreTooLargeAreRefused() throws Exception {
    String body = NETWORK + ", \"pixels\": \"" + "A".repeat(1 << 20) + "\"}";
    assertRefused(client.send("POST", "api/previews", body), 413, "1048576");
  }

  @ParameterizedTest
  @CsvSource({
    "Host: evil.example, 403",
    "Host: evil.example:PORT, 403",
    "Host: localhost.evil.example, 403",
    "Host: 192.168.0.1, 403",
    "Host: [::2], 403",
    "X: y, 400",
    "Host: localhost:PORT, 200",
    "Host: 127.0.0.1:PORT, 200",
    "Host: [::1]:PORT, 200",
    "Host: LOCALHOST, 200"
  })
  void onlyHostsOfThisMachineAreServed(String header, int status) throws Exception {
    String port = server.url().replaceAll("\\D+", "");
    String request = "GET / HTTP/1.1\n" + header.replace("PORT", port) + "\nConnection: close\n\n";
    String answer = client.raw(request);
    // The JDK's server answers 400 where there is no Host at all, or else ours 403.
    assertThat(answer).startsWith("HTTP/1.1 " + (status == 400 ? "40" : status));
  }

  @Test
  void otherSitesPagesAreRefused() throws Exception {
    String own = server.url().replaceAll("/$", "");
    for (String origin :
        List.of("http://evil.example", "null", "http://localhost:1", "https" + own)) {
      assertRefused(
          client.send("POST", "api/runs", NETWORK + "}", "Origin", origin), 403, "origin is '");
    }
    HttpResponse<String> answer = client.send("GET", "", null, "Origin", own);
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().map()).doesNotContainKey("access-control-allow-origin");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "style.css", "app.js", "icon.svg", "api/workbench", "nothing"})
  void everyAnswerHasASecurityPolicy(String path) throws Exception {
    Map<String, List<String>> headers = client.send("GET", path, null).headers().map();
    assertThat(headers.get("content-security-policy").get(0))
        .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
        .doesNotContain("unsafe");
    assertThat(headers.get("x-content-type-options")).containsExactly("nosniff");
  }

  @Test
  void wrongPlacesToListenAreRefused() {
    assertThatThrownBy(() -> new DiffusionServer("localhost", 65536, bench.workbench))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("port is 65536, expected 0 to 65535");
    assertThatThrownBy(() -> new DiffusionServer("no such host", 0, bench.workbench))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("host is 'no such host'");
    int taken = Integer.parseInt(server.url().replaceAll("\\D+", ""));
    assertThatThrownBy(() -> new DiffusionServer("localhost", taken, bench.workbench))
        .isInstanceOf(DdpmException.class)
        .hasMessageContaining("cannot listen on localhost:" + taken);
  }
}
