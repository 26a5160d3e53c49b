package io.github.ddpm4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.abort;

import io.github.ddpm4j.DataFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MnistTest {
  private static final String IMAGES = "t10k-images-idx3-ubyte";
  private static final String LABELS = "t10k-labels-idx1-ubyte";
  private static final int SIZE = 28 * 28;

  @TempDir Path folder;

  @BeforeEach
  void writeTwoDigits() throws IOException {
    byte[] pixels = new byte[2 * SIZE];
    pixels[SIZE] = (byte) 255;
    write(IMAGES, idx(0x803, pixels, 2, 28, 28));
    write(LABELS, idx(0x801, new byte[] {7, 3}, 2));
  }

  private static byte[] idx(int magic, byte[] data, int... sizes) {
    ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * sizes.length + data.length).putInt(magic);
    Arrays.stream(sizes).forEach(bytes::putInt);
    return bytes.put(data).array();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  private void write(String name, byte[] bytes) throws IOException {
    Files.write(folder.resolve(name), bytes);
  }

  private void assertRefused(String name, String problem) {
    assertThatThrownBy(() -> Mnist.test(folder))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(problem);
  }

  @Test
  void readsPlainAndGzippedFiles() throws IOException {
    ImageDataset plain = Mnist.test(folder);
    assertThat(plain.toString()).isEqualTo("ImageDataset[2,28,28,1]");
    assertThat(plain.label(0)).isEqualTo(7);
    assertThat(plain.images(1).get(0, 0, 0, 0)).isEqualTo(1);
    assertThat(plain.images(0).get(0, 0, 0, 0)).isEqualTo(-1);
    for (String name : new String[] {IMAGES, LABELS}) {
      Path file = folder.resolve(name);
      write(name + ".gz", gzip(Files.readAllBytes(file)));
      Files.delete(file);
    }
    assertThat(Mnist.test(folder).pixels()).isEqualTo(plain.pixels());
  }

  @Test
  void missingFilesAreNamed() throws IOException {
    assertThatThrownBy(() -> Mnist.train(folder))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("train-images-idx3-ubyte.gz");
    Files.delete(folder.resolve(LABELS));
    assertRefused(folder.toString(), LABELS);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 10, 16, 17, 1000, 2 * SIZE + 15})
  void truncatedFilesAreRefused(int length) throws IOException {
    byte[] whole = Files.readAllBytes(folder.resolve(IMAGES));
    write(IMAGES, Arrays.copyOf(whole, length));
    assertRefused(IMAGES, length < 16 ? "ends within the header" : "expected " + 2 * SIZE);
    byte[] gzipped = gzip(whole);
    write(IMAGES, Arrays.copyOf(gzipped, gzipped.length / 2));
    assertRefused(IMAGES, "ends too early");
  }

  @Test
  void damagedFilesAreRefused() throws IOException {
    byte[] gzipped = gzip(Files.readAllBytes(folder.resolve(IMAGES)));
    gzipped[gzipped.length - 6] ^= 1;
    write(IMAGES, gzipped);
    assertRefused(IMAGES, "damaged");
  }

  @Test
  void wrongHeadersAreRefused() throws IOException {
    byte[] data = new byte[2 * SIZE];
    write(IMAGES, idx(0x801, data, 2, 28, 28));
    assertRefused(IMAGES, "magic number is 0x00000801, expected 0x00000803");
    write(IMAGES, idx(0x803, data, 2, 28, 27));
    assertRefused(IMAGES, "[2, 28, 27], expected [N, 28, 28]");
    write(IMAGES, idx(0x803, data, 0, 28, 28));
    assertRefused(IMAGES, "number of items is 0");
    write(IMAGES, idx(0x803, data, -2, 28, 28));
    assertRefused(IMAGES, "number of items is -2");
  }

  @Test
  void sizesBeyondTheFileTakeNoMemory() throws IOException {
    write(IMAGES, idx(0x803, new byte[SIZE], 2_500_000, 28, 28));
    assertRefused(IMAGES, "ends after 784 bytes of data, expected 1960000000");
    write(IMAGES, idx(0x803, new byte[SIZE], Integer.MAX_VALUE, 28, 28));
    assertRefused(IMAGES, "number of items is 2147483647");
  }

  @Test
  void trailingBytesAreRefused() throws IOException {
    write(IMAGES, idx(0x803, new byte[2 * SIZE + 1], 2, 28, 28));
    assertRefused(IMAGES, "goes on after");
  }

  @Test
  void labelsMustFitTheImages() throws IOException {
    write(LABELS, idx(0x801, new byte[] {7}, 1));
    assertRefused(LABELS, "has 1 labels, expected 2");
    write(LABELS, idx(0x801, new byte[] {7, 10}, 2));
    assertRefused(LABELS, "label 1 is 10");
  }

  @Test
  void officialFilesHaveTheirKnownStatistics() {
    Path official = officialFolder();
    ImageDataset train = Mnist.train(official);
    assertThat(train.count()).isEqualTo(60_000);
    int[] classes = new int[10];
    for (int i = 0; i < train.count(); i++) {
      classes[train.label(i)]++;
    }
    assertThat(classes).containsExactly(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949);
    double sum = 0;
    for (byte pixel : train.pixels()) {
      sum += (pixel & 0xff) / 255.0;
    }
    assertThat(sum / train.pixels().length).isCloseTo(0.13066, within(5e-6));
    assertThat(Mnist.test(official).count()).isEqualTo(10_000);
  }

  private static Path officialFolder() {
    try {
      return DataFolder.find("mnist", null);
    } catch (DataFormatException e) {
      return abort(e.getMessage());
    }
  }
}
