package io.github.ddpm4j.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page in a browser. */
class PageTest {
  private static final String DRAW = "document.querySelector('#sampling [name=draw]').click()";
  private static final String STATUS = "document.querySelector('#%s .status').textContent";

  @TempDir Path data;
  @TempDir Path profile;
  private TestBench bench;
  private DiffusionServer server;
  private Browser browser;

  @BeforeEach
  void open() throws Exception {
    Path file = Browser.find();
    assumeTrue(file != null, "needs chromium or google-chrome on the path");
    TestBench.writeDigits(data);
    bench = new TestBench(data);
    server = new DiffusionServer("localhost", 0, bench.workbench);
    browser = new Browser(file, profile);
    browser.show(1280, 900, "light");
    browser.open(server.url());
    browser.waitFor("document.querySelector('#sampling [name=rival]').options.length > 0");
  }

  @AfterEach
  void close() throws Exception {
    if (browser != null) {
      browser.close();
    }
    if (server != null) {
      bench.gate.release(100_000);
      server.close();
    }
  }

  /** Sets a field as a user does. */
  private void set(String field, String value) throws Exception {
    browser.evaluate(
        "(() => { const field = document.querySelector('"
            + field
            + "'); field.value = '"
            + value
            + "'; for (const name of ['input', 'change']) {"
            + " field.dispatchEvent(new Event(name, {bubbles: true})); } })()");
  }

  private void waitForStatus(String view, String beginning) throws Exception {
    browser.waitFor(String.format(STATUS, view) + ".startsWith('" + beginning + "')");
  }

  @Test
  void aComparisonShowsSamplesAndTheirNeighbours() throws Exception {
    set("#sampling [name=rival]", "optimal:mnist");
    set("#sampling [name=steps]", "5");
    set("#sampling [name=count]", "4");
    browser.evaluate(DRAW);
    waitForStatus("sampling", "Done");
    assertThat(browser.evaluate("document.querySelectorAll('#sampling .lane').length").asInt())
        .isEqualTo(2);
    assertThat(browser.evaluate("document.querySelectorAll('#sampling .exhibit canvas').length"))
        .hasToString("16");
    // Two by two images of 28 pixels with a gap, as they are in the picture: neither empty nor
    // even.
    assertThat(browser.evaluate("document.querySelector('#sampling .lane canvas').width").asInt())
        .isEqualTo(57);
    assertThat(
            browser
                .evaluate(
                    "new Set(document.querySelector('#sampling .lane canvas').getContext('2d')"
                        + ".getImageData(0, 0, 28, 28).data).size")
                .asInt())
        .isGreaterThan(10);
    assertThat(
            browser
                .evaluate("document.querySelectorAll('#sampling .exhibits')[1].textContent")
                .asText())
        .containsPattern("^#\\d+, 0\\.00");

    browser.evaluate("document.querySelector('#sampling .exhibit').click()");
    waitForStatus("forward", "Image: sample 0");
    assertThat(browser.evaluate("location.hash").asText()).isEqualTo("#forward");
    assertThat(browser.complaints).isEmpty();
  }

  @Test
  void cancelStopsTheRun() throws Exception {
    set("#sampling [name=sampler]", "gated");
    browser.evaluate(DRAW);
    bench.gate.release(2);
    browser.waitFor("document.querySelector('#sampling progress')?.value === 2");
    browser.evaluate("document.querySelector('#sampling [name=cancel]').click()");
    while (browser
            .evaluate(
                "performance.getEntriesByType('resource').filter(e => /runs.\\d/.test(e.name)).length")
            .asInt()
        == 0) {
      Thread.sleep(20);
    }
    bench.gate.release(1000);
    waitForStatus("sampling", "Cancelled");
    assertThat(bench.steps).hasSizeLessThanOrEqualTo(3);
    assertThat(browser.complaints).isEmpty();
  }

  @Test
  void theSliderMovesAlongTheForwardProcess() throws Exception {
    browser.evaluate("location.hash = '#forward'");
    set("#forward [name=denoiser]", "optimal:mnist");
    set("#forward [name=index]", "12");
    waitForStatus("forward", "Training image 12 of 60, class 2");
    browser.evaluate("document.getElementById('timestep').focus()");
    browser.press("ArrowRight", 39);
    browser.waitFor("document.querySelector('.t').textContent === 't = 301'");
    assertThat(browser.evaluate("document.querySelector('.formula').textContent").asText())
        .startsWith("xt = " + String.format("%.4f", bench.model.schedule().signal(301)));
    assertThat(browser.evaluate("document.querySelectorAll('#forward .exhibit').length").asInt())
        .isEqualTo(5);

    // An image of the user's own: white on the left, black on the right.
    browser.evaluate(
        "(async () => { const c = new OffscreenCanvas(56, 56), g = c.getContext('2d');"
            + " g.fillStyle = 'white'; g.fillRect(0, 0, 28, 56); g.fillStyle = 'black';"
            + " g.fillRect(28, 0, 28, 56); const t = new DataTransfer();"
            + " t.items.add(new File([await c.convertToBlob()], 'half.png', {type: 'image/png'}));"
            + " const event = new DragEvent('drop', {dataTransfer: t, bubbles: true,"
            + " cancelable: true}); document.querySelector('.drop').dispatchEvent(event); })()");
    waitForStatus("forward", "Image: half.png");
    String pixel =
        "document.querySelector('#forward canvas').getContext('2d').getImageData(%d, 9, 1, 1).data[0]";
    assertThat(browser.evaluate(String.format(pixel, 3)).asInt()).isEqualTo(255);
    assertThat(browser.evaluate(String.format(pixel, 24)).asInt()).isZero();
    assertThat(browser.complaints).isEmpty();
  }

  @Test
  void refusalsAreShown() throws Exception {
    set("#sampling [name=count]", "4");
    browser.evaluate("document.querySelector('#sampling [name=steps]').removeAttribute('min')");
    set("#sampling [name=steps]", "0");
    browser.evaluate(DRAW);
    waitForStatus("sampling", "steps is 0, expected a whole number from 1 to 1000");
    assertThat(browser.evaluate("document.querySelector('.problems').textContent").asText())
        .contains("cifar-10-batches-bin");
  }

  @ParameterizedTest
  @CsvSource({"1280, light", "1280, dark", "360, light", "360, dark"})
  void thePageFitsItsWindowAndIsLegible(int width, String scheme) throws Exception {
    browser.show(width, 800, scheme);
    for (String view : List.of("sampling", "forward")) {
      browser.evaluate("location.hash = '#" + view + "'");
      browser.waitFor("!document.getElementById('" + view + "').hidden");
      assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(width);
      // Every field has a name for those who do not see it.
      assertThat(
              browser.evaluate(
                  "[...document.querySelectorAll('input, select')].every(f => f.labels.length > 0)"))
          .hasToString("true");
    }
    BufferedImage picture = ImageIO.read(new ByteArrayInputStream(browser.screenshot()));
    int corner = picture.getRGB(2, picture.getHeight() - 2) & 0xff;
    assertThat(corner > 128).isEqualTo(scheme.equals("light"));
    assertThat(browser.complaints).isEmpty();
  }
}
