package io.github.ddpm4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.metrics.Gaussian;
import io.github.ddpm4j.metrics.ReferenceStatistics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that NumPy 2.4 wrote, and broken ones. */
class NpzFileTest {
  private static final Path FOLDER = Path.of("src/test/resources/numpy");

  @TempDir Path folder;

  @Test
  void statisticsOfNumPyAreReadAndOursAreTheSame() {
    Gaussian statistics = ReferenceStatistics.read(FOLDER.resolve("stats.npz"));
    assertStatistics(statistics);
    Path file = folder.resolve("new/ours.npz");
    ReferenceStatistics.write(file, statistics);
    assertStatistics(ReferenceStatistics.read(file));
    assertThat(NpzFile.open(file).names()).containsExactly("mu", "sigma");
  }

  private static void assertStatistics(Gaussian statistics) {
    assertThat(statistics.mean()).containsExactly(1.5, -2, 0.25);
    assertThat(statistics.covariance())
        .isDeepEqualTo(new double[][] {{4, 1, 0.5}, {1, 3, -0.25}, {0.5, -0.25, 2}});
  }

  @ParameterizedTest
  @ValueSource(strings = {"f4", "f4_fortran", "f8_big", "f4_big_fortran"})
  void allKindsOfNumbersAreRead(String name) {
    NpyArray array = NpzFile.open(FOLDER.resolve("kinds.npz")).array(name);
    assertThat(array.shape()).containsExactly(2, 3);
    assertThat(array.doubles()).containsExactly(0, 1, 2, 3, 4, 5);
  }

  @Test
  void threeDimensionsInFortranOrderAndNoneAreRead() {
    NpzFile file = NpzFile.open(FOLDER.resolve("kinds.npz"));
    NpyArray cube = file.array("cube");
    assertThat(cube.shape()).containsExactly(2, 3, 4);
    double[] count = new double[24];
    Arrays.setAll(count, i -> i);
    assertThat(cube.doubles()).containsExactly(count);
    assertThat(file.array("scalar").shape()).isEmpty();
    assertThat(file.array("scalar").doubles()).containsExactly(2.5);
  }

  @ParameterizedTest
  @CsvSource({"images.npz, 3", "images.npy, 3", "version-2.npy, 1", "version-3.npy, 1"})
  void imagesAreRead(String name, int channels) {
    ImageDataset images = NpzFile.open(FOLDER.resolve(name)).images();
    assertThat(images).hasToString("ImageDataset[2,4,5," + channels + "]");
    for (int i = 0; i < images.pixels().length; i++) {
      int value = channels == 3 ? i : 3 * i;
      assertThat(images.pixels()[i] & 0xff).isEqualTo(value * 7 % 256);
    }
  }

  @Test
  void whatIsWrittenIsVersionOneWithAlignedData() throws IOException {
    Path file = folder.resolve("one.npz");
    byte[] pixels = {1, 2, 3, 4, 5, 6};
    NpzFile.write(file, Map.of("arr_0", NpyArray.of(new int[] {6}, pixels)));
    byte[] first = Files.readAllBytes(file);
    NpzFile.write(file, Map.of("arr_0", NpyArray.of(new int[] {6}, pixels)));
    assertThat(Files.readAllBytes(file)).isEqualTo(first);
    java.util.zip.ZipFile zip = new java.util.zip.ZipFile(file.toFile());
    byte[] array = zip.getInputStream(zip.getEntry("arr_0.npy")).readAllBytes();
    zip.close();
    String text = new String(array, StandardCharsets.ISO_8859_1);
    assertThat(text)
        .startsWith("\u0093NUMPY\u0001\u0000v\u0000{'descr': '|u1', 'fortran_order': False");
    assertThat(text)
        .contains("'shape': (6,), }")
        .endsWith("\n\u0001\u0002\u0003\u0004\u0005\u0006");
    assertThat(array).hasSize(128 + 6);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), } | has type <i8, expected |",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), } | without a descr |",
        "{'descr': '<f4', 'shape': (1,), } | without a fortran_order |",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), } | without a shape |",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), } | no tuple |",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), } | too large |",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } | after 8 bytes of data, expected 12 |",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } | beyond |"
      })
  void brokenHeadersAreRefused(String header, String reason) throws IOException {
    byte[] start = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0};
    byte[] bytes = Arrays.copyOf(start, start.length + header.length() + 8);
    System.arraycopy(
        header.getBytes(StandardCharsets.US_ASCII), 0, bytes, start.length, header.length());
    Path file = Files.write(folder.resolve("broken.npy"), bytes);
    assertThatThrownBy(() -> NpzFile.open(file).array("arr_0"))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("broken.npy: array: ")
        .hasMessageContaining(reason.equals("beyond") ? "goes on after the expected 4" : reason);
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    for (String name : new String[] {"stats.npz", "version-2.npy"}) {
      byte[] whole = Files.readAllBytes(FOLDER.resolve(name));
      for (int length = 0; length < whole.length; length++) {
        Path file = Files.write(folder.resolve(name), Arrays.copyOf(whole, length));
        assertThatThrownBy(() -> NpzFile.open(file).array(name.endsWith("z") ? "mu" : "arr_0"))
            .as("first %d bytes of %s", length, name)
            .isInstanceOf(DataFormatException.class)
            .hasMessageContaining(name);
      }
    }
  }

  @Test
  void otherArraysThanExpectedAreRefused() {
    NpzFile kinds = NpzFile.open(FOLDER.resolve("kinds.npz"));
    assertRefused(() -> kinds.array("mu"), "expected one named mu");
    assertRefused(() -> kinds.array("i8"), "i8.npy: has type <i8");
    assertRefused(() -> ReferenceStatistics.read(FOLDER.resolve("kinds.npz")), "named mu");
    assertRefused(() -> NpzFile.open(folder.resolve("none.npz")), "none.npz");
    assertRefused(() -> NpzFile.open(folder.resolve("none.npy")).images(), "none.npy");
    Path file = folder.resolve("wrong.npz");
    NpyArray vector = NpyArray.of(new int[] {2}, new double[] {1, 2});
    NpzFile.write(file, Map.of("mu", vector, "sigma", vector, "arr_0", vector));
    assertRefused(() -> ReferenceStatistics.read(file), "sigma.npy has shape [2], expected [2, 2]");
    assertRefused(() -> NpzFile.open(file).images(), "arr_0 is of floating-point numbers");
    NpyArray broken = NpyArray.of(new int[] {2, 2}, new double[] {1, Double.NaN, 0, 1});
    NpzFile.write(file, Map.of("mu", vector, "sigma", broken));
    assertRefused(() -> ReferenceStatistics.read(file), "covariance holds NaN");
  }

  private static void assertRefused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String reason) {
    assertThatThrownBy(call).isInstanceOf(DataFormatException.class).hasMessageContaining(reason);
  }
}
