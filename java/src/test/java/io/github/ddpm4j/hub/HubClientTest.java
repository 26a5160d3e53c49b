package io.github.ddpm4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.HubException;
import io.github.ddpm4j.InvalidArgumentException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of a hub, against a server on this machine that breaks, stalls, lies or is not there. */
class HubClientTest {
  private static final String REPOSITORY = "someone/model";
  private static final String CONFIG = "unet/config.json";
  private static final String WEIGHTS = "weights.bin";
  private static final int LENGTH = 300_000;

  @TempDir Path folder;
  private final TestHub server = new TestHub();
  private final byte[] config = "{\"a\": 1}".getBytes();
  private final byte[] weights = new byte[LENGTH];

  HubClientTest() {
    new Random(1).nextBytes(weights);
    server.put(REPOSITORY, CONFIG, config, false);
    server.put(REPOSITORY, WEIGHTS, weights, true);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private HubClient client() {
    return HubClient.of(Map.of())
        .endpoint(server.url() + "/")
        .cacheFolder(folder)
        .timeout(Duration.ofSeconds(5));
  }

  private HubClient impatient() {
    return client().timeout(Duration.ofMillis(200));
  }

  private static AbstractThrowableAssert<?, ?> assertFails(HubClient client, String name) {
    return assertThatThrownBy(() -> client.fetch(REPOSITORY, name))
        .isInstanceOf(HubException.class)
        .hasMessageContaining(REPOSITORY)
        .hasMessageContaining(name);
  }

  @Test
  void filesAreFetchedOnce() throws IOException {
    for (int i = 0; i < 3; i++) {
      assertThat(client().fetch(REPOSITORY, CONFIG)).hasBinaryContent(config);
      assertThat(client().fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
    }
    // One for the configuration; one for the weights, which the hub redirects.
    assertThat(server.count("GET")).isEqualTo(3);
    try (var files = Files.walk(folder)) {
      assertThat(files.filter(file -> file.toString().endsWith(".part"))).isEmpty();
    }
  }

  @Test
  void newVersionsAreFetched() {
    client().fetch(REPOSITORY, CONFIG);
    byte[] changed = "{\"a\": 2}".getBytes();
    server.put(REPOSITORY, CONFIG, changed, false);
    assertThat(client().fetch(REPOSITORY, CONFIG)).hasBinaryContent(changed);
  }

  @Test
  void filesThatWereDamagedAreFetchedAgain() throws IOException {
    Path file = client().fetch(REPOSITORY, WEIGHTS);
    Files.write(file, new byte[3]);
    assertThat(client().fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
  }

  @Test
  void brokenDownloadsGoOn() {
    server.cuts = 3;
    server.cutAfter = 100_000;
    assertThat(client().fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
    List<String> ranges =
        server.requests.stream()
            .filter(request -> request.server().equals("store"))
            .map(request -> String.valueOf(request.range()))
            .toList();
    assertThat(ranges).hasSizeGreaterThan(1).first().isEqualTo("null");
    assertThat(ranges.subList(1, ranges.size())).allMatch(range -> range.matches("bytes=\\d+-"));
  }

  @Test
  void laterCallsGoOnWhereEarlierOnesGaveUp() {
    server.cuts = 5;
    server.cutAfter = 10_000;
    assertFails(client(), WEIGHTS).hasMessageContaining(server.url());
    assertThat(folder.resolve("models--someone--model/main/weights.bin")).doesNotExist();
    server.requests.clear();
    assertThat(client().fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
    assertThat(server.requests.get(server.requests.size() - 1).range()).matches("bytes=\\d+-");
  }

  @Test
  void serversWithoutRangesStartAgain() {
    server.wholeOnly = true;
    server.cuts = 2;
    server.cutAfter = 100_000;
    assertThat(client().fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
  }

  @Test
  void silentServersAreGivenUp() {
    server.silence = 1000;
    assertFails(impatient(), CONFIG).hasMessageContaining("timed out");
  }

  @Test
  void bodiesThatStallGoOn() {
    server.stalls = 1;
    HubClient client = client().timeout(Duration.ofSeconds(1));
    assertThat(client.fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
    assertThat(server.requests).extracting(TestHub.Request::range).contains("bytes=1-");
  }

  @Test
  void wrongLengthsAreRefused() {
    server.instead = new byte[LENGTH + 1];
    assertFails(client(), WEIGHTS).hasMessageContaining("longer than the 300000 bytes");
    server.instead = new byte[LENGTH - 1];
    assertFails(client(), WEIGHTS).hasMessageContaining("after 299999 bytes");
  }

  @Test
  void wrongContentsAreRefused() {
    byte[] changed = weights.clone();
    changed[LENGTH / 2]++;
    server.instead = changed;
    assertFails(client(), WEIGHTS)
        .hasMessageContaining("checksum")
        .hasMessageContaining("expected");
    assertThat(folder.resolve("models--someone--model/main/weights.bin")).doesNotExist();
    server.instead = null;
    assertThat(client().fetch(REPOSITORY, WEIGHTS)).hasBinaryContent(weights);
  }

  @Test
  void missingFilesAreNamed() {
    assertFails(client(), "nothing.json").hasMessageContaining("is not on " + server.url());
    assertThat(client().find(REPOSITORY, "nothing.json")).isEmpty();
  }

  @Test
  void missingRepositoriesAreFailures() {
    server.status = 404;
    server.errorCode = "RepoNotFound";
    assertThatThrownBy(() -> client().find(REPOSITORY, CONFIG))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("404 RepoNotFound");
    server.status = 401;
    assertFails(client(), CONFIG).hasMessageContaining("HF_TOKEN");
    assertFails(client().token("hf_x"), CONFIG).hasMessageContaining("token does not open");
    server.status = 503;
    assertFails(client(), CONFIG).hasMessageContaining("503");
  }

  @Test
  void theTokenGoesToTheHubOnly() {
    client().token("hf_secret").fetch(REPOSITORY, WEIGHTS);
    assertThat(server.requests)
        .allSatisfy(
            request ->
                assertThat(request.authorization())
                    .isEqualTo(request.server().equals("hub") ? "Bearer hf_secret" : null));
    assertThat(server.requests).extracting(TestHub.Request::server).contains("store");
  }

  @ParameterizedTest
  @ValueSource(strings = {"file:///etc/passwd", "ftp://x/y", "gopher:x", "http:", ":"})
  void redirectsElsewhereAreRefused(String location) {
    server.location = location;
    assertFails(client(), WEIGHTS).hasMessageContaining(location);
  }

  @Test
  void redirectsInCirclesEnd() {
    server.location = server.url() + "/" + REPOSITORY + "/resolve/main/" + WEIGHTS;
    assertFails(client(), WEIGHTS).hasMessageContaining("more than 5 times");
  }

  @Test
  void offlineWhatIsThereIsTaken() {
    HubClient offline = client().offline(true);
    assertFails(offline, CONFIG).hasMessageContaining("offline mode is on");
    client().fetch(REPOSITORY, CONFIG);
    server.requests.clear();
    assertThat(offline.fetch(REPOSITORY, CONFIG)).hasBinaryContent(config);
    assertThat(server.requests).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "a\\..\\b",
        "",
        ".",
        "..",
        ".git/config",
        "a?b",
        "a%2e%2e/b",
        "a\u0000b",
        "a b",
        "C:x",
        "a/",
        "..a/b.."
      })
  void namesThatLeadElsewhereAreRefused(String name) {
    assertThatThrownBy(() -> client().fetch(REPOSITORY, name))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("file is '" + name + "'");
    assertThatThrownBy(() -> client().fetch(name, CONFIG))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("repository is '" + name + "'");
    assertThatThrownBy(() -> client().revision(name).fetch(REPOSITORY, CONFIG))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("revision is '" + name + "'");
    assertThat(server.requests).isEmpty();
  }

  @Test
  void theEnvironmentIsHonoured() {
    HubClient client =
        HubClient.of(Map.of("HF_ENDPOINT", server.url() + "/", "HF_TOKEN", " hf_x\n"))
            .cacheFolder(folder);
    client.fetch(REPOSITORY, CONFIG);
    assertThat(server.requests.get(0).authorization()).isEqualTo("Bearer hf_x");
    for (String yes : new String[] {"1", "on", "Yes", "TRUE"}) {
      HubClient offline = HubClient.of(Map.of("HF_HUB_OFFLINE", yes)).cacheFolder(folder);
      assertThat(offline.fetch(REPOSITORY, CONFIG)).hasBinaryContent(config);
    }
    assertThatThrownBy(() -> client.endpoint("huggingface.co"))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> client.token("a\nX-Evil: b"))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
