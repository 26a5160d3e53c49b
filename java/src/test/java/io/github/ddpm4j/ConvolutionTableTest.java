package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.sampler.Ddim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConvolutionTableTest {
  private static final String PROPERTY = "ddpm4j.convolution.table";
  private static final ConvolutionShape SHAPE = new ConvolutionShape(32, 32, 128, 256);

  @TempDir Path folder;
  private final String property = System.getProperty(PROPERTY);
  private final String home = System.getProperty("user.home");
  private final String algorithm = Device.convolution();

  @AfterEach
  void restore() {
    setProperty(property);
    System.setProperty("user.home", home);
    Device.setConvolution(algorithm);
    ConvolutionTable.of(Map.of()).use();
  }

  private static void setProperty(String value) {
    if (value == null) {
      System.clearProperty(PROPERTY);
    } else {
      System.setProperty(PROPERTY, value);
    }
  }

  private static String choice(ConvolutionShape s) {
    return NativeApi.ddpm_convolution_choice(s.height(), s.width(), s.depth(), s.columns())
        .getString();
  }

  private Path saved(String algorithm) throws IOException {
    Path file = folder.resolve(algorithm + "/table.json");
    ConvolutionTable.of(Map.of(SHAPE, algorithm)).save(file);
    return file;
  }

  @Test
  void aSavedTableIsTheSame() throws IOException {
    Map<ConvolutionShape, String> algorithms = new LinkedHashMap<>();
    algorithms.put(SHAPE, "winograd2");
    algorithms.put(new ConvolutionShape(7, 9, 1, 3), "direct");
    algorithms.put(new ConvolutionShape(1, 2, 3, 4), "winograd4");
    Path file = folder.resolve("table.json");
    ConvolutionTable.of(algorithms).save(file);
    assertThat(ConvolutionTable.load(file).algorithms()).isEqualTo(algorithms);
    ConvolutionTable.of(Map.of()).save(file);
    assertThat(ConvolutionTable.load(file).algorithms()).isEmpty();
  }

  @Test
  void aTableIsFoundByPropertyThenAtHome() throws IOException {
    String rule = choice(SHAPE);
    System.setProperty("user.home", folder.toString());
    Files.createDirectories(ConvolutionTable.defaultFile().getParent());
    Files.copy(saved("winograd2"), ConvolutionTable.defaultFile());
    setProperty(null);
    ConvolutionTable.useFirst();
    assertThat(choice(SHAPE)).isEqualTo("winograd2");
    setProperty(saved("direct").toString());
    ConvolutionTable.useFirst();
    assertThat(choice(SHAPE)).isEqualTo("direct");
    Device.setConvolution("winograd4");
    assertThat(choice(SHAPE)).isEqualTo("winograd4");
    Device.setConvolution("auto");
    ConvolutionTable.of(Map.of()).use();
    setProperty("none");
    ConvolutionTable.useFirst();
    assertThat(choice(SHAPE)).isEqualTo(rule);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{                    | {,               | JSON",
        "\"cpu\" : \"         | \"cpu\" : \"Z80 | cpu: is",
        "\"isa\" : \"         | \"isa\" : \"mmx | isa: is",
        "\"version\" : \"     | \"version\" : \"9 | ddpm4j tune measures anew",
        "direct               | im2col           | 'im2col'",
        "32x32 128->256       | 32x32            | '32x32'",
        "32x32 128->256       | 0x32 128->256    | 0x32",
        "\"direct\"           | 4                | expected a text",
        "\"algorithms\"       | \"algorithm\"    | algorithms",
        "\"isa\"              | \"new\" : 1, \"isa\" | new"
      })
  void aFileThatIsNoTableOfThisMachineIsRefusedAndIgnored(String part, String by, String complaint)
      throws IOException {
    String rule = choice(SHAPE);
    Path file = saved("direct");
    String text = Files.readString(file);
    assertThat(text).contains(part);
    Files.writeString(file, text.replaceFirst(Pattern.quote(part), by));
    assertThatThrownBy(() -> ConvolutionTable.load(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(complaint);
    setProperty(file.toString());
    ConvolutionTable.useFirst();
    assertThat(choice(SHAPE)).isEqualTo(rule);
  }

  @Test
  void aFileThatCannotBeReadIsRefusedAndIgnored() throws IOException {
    Path binary = Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff, 0, 1});
    for (String name : List.of(binary.toString(), folder.toString(), folder + "/missing", "\0")) {
      setProperty(name);
      ConvolutionTable.useFirst();
    }
    for (Path file : List.of(binary, folder, folder.resolve("missing"))) {
      assertThatThrownBy(() -> ConvolutionTable.load(file))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("cannot be read");
    }
  }

  @Test
  void onlyKnownAlgorithmsAndRealShapesAreTaken() {
    assertThatThrownBy(() -> ConvolutionTable.of(Map.of(SHAPE, "auto")))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("32x32 128->256 is 'auto'");
    assertThatThrownBy(() -> new ConvolutionShape(1, 0, 1, 1))
        .isInstanceOf(InvalidArgumentException.class);
  }

  @Test
  void anImageDoesNotDependOnItsBatchUnderATable() {
    SampleOptions options = SampleOptions.count(1).seed(3).sampler(Ddim.steps(2));
    try (DiffusionModel model = DiffusionModel.pretrained("mnist")) {
      float[] byRule = model.sample(options).pixels();
      List<ConvolutionShape> shapes = ConvolutionTuning.shapesOf(model.unet(), 28, 28);
      List<String> names = new ArrayList<>(List.of("direct", "winograd2", "winograd4"));
      Map<ConvolutionShape, String> algorithms = new LinkedHashMap<>();
      for (int i = 0; i < shapes.size(); i++) {
        algorithms.put(shapes.get(i), names.get(i % 3));
      }
      ConvolutionTable.of(algorithms).use();
      float[] alone = model.sample(options).pixels();
      float[] batch = model.sample(SampleOptions.count(5).seed(3).sampler(Ddim.steps(2))).pixels();
      assertThat(alone).isNotEqualTo(byRule);
      assertThat(Arrays.copyOf(batch, alone.length)).isEqualTo(alone);
    }
  }

  @Test
  void tuningMeasuresEachShapeAndLeavesTheProcessAsItWas() {
    List<ConvolutionShape> shapes =
        List.of(new ConvolutionShape(4, 4, 8, 8), new ConvolutionShape(14, 14, 32, 32));
    List<ConvolutionTuning.Measurement> seen = new ArrayList<>();
    int threads = Device.threads();
    Device.setConvolution("winograd2");
    long packed = NativeApi.ddpm_packed_bytes();
    ConvolutionTable table = ConvolutionTuning.measure(shapes, seen::add);
    assertThat(Device.convolution()).isEqualTo("winograd2");
    assertThat(Device.threads()).isEqualTo(threads);
    assertThat(NativeApi.ddpm_packed_bytes()).isEqualTo(packed);
    assertThat(table.algorithms().keySet()).containsExactlyElementsOf(shapes);
    for (ConvolutionTuning.Measurement measured : seen) {
      double least = measured.seconds().values().stream().min(Double::compare).orElseThrow();
      assertThat(measured.seconds().keySet()).containsExactly("direct", "winograd2", "winograd4");
      assertThat(least).isPositive();
      assertThat(measured.seconds().get(measured.chosen())).isLessThanOrEqualTo(1.03 * least);
      assertThat(table.algorithms()).containsEntry(measured.shape(), measured.chosen());
    }
  }
}
