package io.github.ddpm4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServeCommandTest {
  @TempDir Path data;

  @Test
  void aSignalEndsTheServerAndItsRuns() throws Exception {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "serve",
            "--port",
            "0",
            "--data",
            data.toString());
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader output = process.inputReader()) {
      String line = output.readLine();
      assertThat(line).matches("the page is at http://localhost:\\d+/ until Ctrl-C");
      URI runs = URI.create(line.split(" ")[4] + "api/runs");
      String run = "{\"denoiser\": \"network:mnist\", \"sampler\": \"ddpm\", \"steps\": 1000}";
      var answer =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(runs)
                      .POST(HttpRequest.BodyPublishers.ofString(run))
                      .build(),
                  BodyHandlers.ofInputStream());
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body().read()).isEqualTo('e');
      // Not Process.destroy, which closes the output too.
      process.toHandle().destroy();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
    // As the shell has it: 128 and SIGTERM's 15.
    assertThat(process.exitValue()).isEqualTo(143);
  }

  @Test
  void wrongValuesEndWithTwo() {
    assertThat(Main.run("serve", "--port", "70000")).isEqualTo(2);
    assertThat(Main.run("serve", "--port", "web")).isEqualTo(2);
    assertThat(Main.run("serve", "--host", "no such host", "--port", "0")).isEqualTo(2);
    assertThat(Main.run("serve", "--model", "giraffes")).isEqualTo(2);
  }
}
