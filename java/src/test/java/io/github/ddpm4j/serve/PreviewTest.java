package io.github.ddpm4j.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.optimal.WeightedImage;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreviewTest {
  private static final Shape ONE = Shape.of(1, 28, 28, 1);

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
    server.close();
  }

  private JsonNode preview(String request) throws Exception {
    var answer = client.send("POST", "api/previews", request);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return Client.MAPPER.readTree(answer.body());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 400, 999})
  void theOptimalDenoiserTellsWhatTheImageIsMadeOf(int t) throws Exception {
    JsonNode answer =
        preview("{\"denoiser\": \"optimal:mnist\", \"index\": 11, \"seed\": 3, \"t\": " + t + "}");
    ImageDataset images = Mnist.train(data);
    NoiseSchedule schedule = bench.model.schedule();
    assertThat(answer.get("signal").asDouble()).isEqualTo(schedule.signal(t));
    assertThat(answer.get("sigma").asDouble()).isEqualTo(schedule.sigma(t));
    assertThat(answer.get("images").asInt()).isEqualTo(TestBench.IMAGES);
    assertThat(answer.at("/image/label").asInt()).isEqualTo(1);
    assertThat(answer.at("/image/pixels").binaryValue()).isEqualTo(images.images(11).bytes());
    try (OptimalDenoiser optimal = OptimalDenoiser.over(images, schedule);
        Scope scope = Scope.open(Device.cpu())) {
      Tensor noise = Noise.philox(3).fill(scope.allocate(ONE), 0);
      Tensor x = scope.tensor(ONE, images.images(11).pixels());
      Tensor xt = new ForwardProcess(schedule).jump(x, noise, t);
      assertThat(answer.get("xt").binaryValue()).isEqualTo(Pictures.bytes(xt));
      byte[] x0 = new Images(1, 28, 28, 1, optimal.x0(xt, t).toArray()).bytes();
      byte[] shown = answer.get("x0").binaryValue();
      for (int p = 0; p < x0.length; p++) {
        // By way of ε̂ and back, whose rounding grows by 1/√ᾱ: some 160 at the last timestep.
        assertThat(shown[p] & 0xff).isBetween((x0[p] & 0xff) - 1, (x0[p] & 0xff) + 1);
      }
      WeightedImage[] parts = optimal.nearest(xt, t, 5)[0];
      assertThat(answer.get("parts")).hasSize(5);
      for (int i = 0; i < 5; i++) {
        JsonNode part = answer.get("parts").get(i);
        assertThat(part.get("weight").asDouble()).isEqualTo(parts[i].weight());
        assertThat(part.at("/image/index").asInt()).isEqualTo(parts[i].index());
      }
    }
  }

  @Test
  void anImageMayComeFromTheClient() throws Exception {
    byte[] pixels = Mnist.train(data).images(11).bytes();
    String own =
        "{\"denoiser\": \"network:small\", \"t\": 250, \"pixels\": \""
            + Base64.getEncoder().encodeToString(pixels)
            + "\"}";
    JsonNode answer = preview(own);
    JsonNode ofIndex = preview("{\"denoiser\": \"network:small\", \"t\": 250, \"index\": 11}");
    assertThat(answer.get("xt")).isEqualTo(ofIndex.get("xt"));
    assertThat(answer.get("x0")).isEqualTo(ofIndex.get("x0"));
    assertThat(answer.get("images").isNull()).isTrue();
    assertThat(answer.get("parts")).isEmpty();
  }

  @Test
  void theNoiseIsFixedAndTheSameForAllDenoisers() throws Exception {
    String rest = ", \"index\": 5, \"t\": 600, \"seed\": ";
    JsonNode network = preview("{\"denoiser\": \"network:small\"" + rest + "9}");
    JsonNode optimal = preview("{\"denoiser\": \"optimal:mnist\"" + rest + "9}");
    JsonNode other = preview("{\"denoiser\": \"optimal:mnist\"" + rest + "8}");
    assertThat(optimal.get("xt")).isEqualTo(network.get("xt"));
    assertThat(optimal.get("x0")).isNotEqualTo(network.get("x0"));
    assertThat(other.get("xt")).isNotEqualTo(network.get("xt"));
  }

  @Test
  void noiseIsNotShownBrighterThanItsUnit() {
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = scope.tensor(Shape.of(1, 1, 4, 1), 50, -50, 50, -50);
      assertThat(Pictures.bytes(x)).isEqualTo(new byte[] {-1, 0, -1, 0});
      Tensor image = scope.tensor(Shape.of(1, 1, 4, 1), 0.5f, -0.5f, 0, 1);
      assertThat(Pictures.bytes(image))
          .isEqualTo(new Images(1, 1, 4, 1, new float[] {0.5f, -0.5f, 0, 1}).bytes());
      Tensor wide = scope.tensor(Shape.of(1, 1, 4, 1), 2, 0, 0, 0);
      assertThat(Pictures.bytes(wide))
          .isEqualTo(new Images(1, 1, 4, 1, new float[] {2, 0, 0, 0}).bytes());
      Tensor scaled = scope.tensor(Shape.of(1, 1, 4, 1), 4, -1, 1, 0);
      float rms = (float) Math.sqrt(18 / 4.0);
      assertThat(Pictures.bytes(scaled))
          .isEqualTo(new Images(1, 1, 4, 1, new float[] {4 / rms, -1 / rms, 1 / rms, 0}).bytes());
    }
  }
}
