package io.github.ddpm4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.abort;

import io.github.ddpm4j.DataFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Cifar10Test {
  private static final String FILE = "test_batch.bin";
  private static final int RECORD = 3073;
  private static final int RECORDS = 10_000;

  @TempDir Path folder;

  @BeforeEach
  void writeTestBatch() throws IOException {
    byte[] bytes = new byte[RECORDS * RECORD];
    for (int i = 0; i < RECORDS; i++) {
      bytes[i * RECORD] = (byte) (i % 10);
    }
    // In the last image the second row's third pixel is (1, 2, 3).
    int last = (RECORDS - 1) * RECORD + 1 + 32 + 2;
    bytes[last] = 1;
    bytes[last + 1024] = 2;
    bytes[last + 2048] = 3;
    Files.write(folder.resolve(FILE), bytes);
  }

  private void assertRefused(String problem) {
    assertThatThrownBy(() -> Cifar10.test(folder))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining(FILE)
        .hasMessageContaining(problem);
  }

  @Test
  void readsPlainAndGzippedFiles() throws IOException {
    ImageDataset plain = Cifar10.test(folder);
    assertThat(plain.toString()).isEqualTo("ImageDataset[10000,32,32,3]");
    assertThat(plain.label(9_997)).isEqualTo(7);
    int at = (RECORDS - 1) * 3072 + (32 + 2) * 3;
    assertThat(Arrays.copyOfRange(plain.pixels(), at - 1, at + 4)).containsExactly(0, 1, 2, 3, 0);
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
      gzip.write(Files.readAllBytes(folder.resolve(FILE)));
    }
    Files.delete(folder.resolve(FILE));
    Files.write(folder.resolve(FILE + ".gz"), packed.toByteArray());
    assertThat(Cifar10.test(folder).pixels()).isEqualTo(plain.pixels());
  }

  /** A file that is not gzipped is not copied: the data set follows what is written to it. */
  @Test
  void mapsPlainFiles() throws IOException {
    ImageDataset mapped = Cifar10.test(folder);
    assertThat(mapped.images(1).get(0, 0, 0, 2)).isEqualTo(-1);
    try (FileChannel file = FileChannel.open(folder.resolve(FILE), StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(new byte[] {(byte) 255}), RECORD + 1 + 2 * 1024);
    }
    assertThat(mapped.images(1).get(0, 0, 0, 2)).isEqualTo(1);
    byte[] image = new byte[3074];
    mapped.copyPixels(1, image, 1);
    assertThat(image).startsWith(0, 0, 0, -1, 0).endsWith(0);
    assertThat(mapped.first(2).images(1).bytes()).isEqualTo(mapped.images(1).bytes());
    assertThatThrownBy(() -> mapped.copyPixels(10_000, image, 0))
        .hasMessageContaining("image is 10000, expected 0 to 9999");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, RECORD - 1, RECORD, RECORDS * RECORD - 1, RECORDS * RECORD + 1})
  void filesOfAnotherLengthAreRefused(int length) throws IOException {
    byte[] whole = Files.readAllBytes(folder.resolve(FILE));
    Files.write(folder.resolve(FILE), Arrays.copyOf(whole, length));
    assertRefused(
        length < whole.length
            ? "ends after " + length + " bytes, expected 30730000"
            : "goes on after the expected 30730000");
  }

  @Test
  void labelsBeyondTheClassesAreRefused() throws IOException {
    byte[] bytes = Files.readAllBytes(folder.resolve(FILE));
    bytes[3 * RECORD] = 10;
    Files.write(folder.resolve(FILE), bytes);
    assertRefused("label 3 is 10, expected 0 to 9");
  }

  @Test
  void missingFilesAreNamed() {
    assertThatThrownBy(() -> Cifar10.train(folder))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("neither data_batch_1.bin.gz nor data_batch_1.bin");
  }

  @Test
  void officialFilesHaveTheirKnownStatistics() {
    Path official = officialFolder();
    ImageDataset train = Cifar10.train(official);
    assertThat(train.count()).isEqualTo(50_000);
    int[] classes = new int[10];
    double[] sums = new double[3];
    for (int i = 0; i < train.count(); i++) {
      classes[train.label(i)]++;
    }
    byte[] pixels = train.pixels();
    for (int p = 0; p < pixels.length; p++) {
      sums[p % 3] += pixels[p] & 0xff;
    }
    assertThat(classes).containsOnly(5000);
    double[] means = {0.49140, 0.48216, 0.44653};
    for (int c = 0; c < 3; c++) {
      assertThat(sums[c] / 255 / 50_000 / 1024).isCloseTo(means[c], within(5e-6));
    }
    assertThat(Cifar10.classNames()).hasSize(10).startsWith("airplane").endsWith("truck");
  }

  private static Path officialFolder() {
    try {
      return DataFolder.find("cifar-10-batches-bin", null);
    } catch (DataFormatException e) {
      return abort(e.getMessage());
    }
  }
}
