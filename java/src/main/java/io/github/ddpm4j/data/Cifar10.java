package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;

/**
 * The CIFAR-10 data set (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images",
 * 2009), 32×32 colour images with labels 0 to 9, in its binary version: records of a label and the
 * red, green and blue planes. The files may be gzipped or not: {@code data_batch_1.bin.gz} or
 * {@code data_batch_1.bin} and so on.
 */
public final class Cifar10 {
  private static final int SIZE = 32;
  private static final int CHANNELS = 3;
  private static final int PLANE = SIZE * SIZE;
  private static final int IMAGE = CHANNELS * PLANE;
  private static final int RECORD = 1 + IMAGE;
  private static final int RECORDS = 10_000;
  private static final List<String> CLASSES =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

  private Cifar10() {}

  /** Names of the classes, by label. */
  public static List<String> classNames() {
    return CLASSES;
  }

  /**
   * The 50,000 training images, in the order of the files.
   *
   * @param folder with the files {@code data_batch_1.bin} to {@code data_batch_5.bin}
   * @throws DataFormatException if a file is missing or wrong
   */
  public static ImageDataset train(Path folder) {
    return read(
        folder, "data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5");
  }

  /**
   * The 10,000 test images.
   *
   * @param folder with the file {@code test_batch.bin}
   * @throws DataFormatException if the file is missing or wrong
   */
  public static ImageDataset test(Path folder) {
    return read(folder, "test_batch");
  }

  private static ImageDataset read(Path folder, String... names) {
    int count = names.length * RECORDS;
    byte[] pixels = new byte[count * IMAGE];
    byte[] labels = new byte[count];
    for (int i = 0; i < names.length; i++) {
      read(DataFiles.find(folder, names[i] + ".bin"), i * RECORDS, pixels, labels);
    }
    return new ImageDataset(count, SIZE, SIZE, CHANNELS, pixels, labels);
  }

  private static void read(Path file, int first, byte[] pixels, byte[] labels) {
    byte[] record = new byte[RECORD];
    try (InputStream in = DataFiles.open(file)) {
      for (int i = 0; i < RECORDS; i++) {
        int length = in.readNBytes(record, 0, RECORD);
        if (length < RECORD) {
          throw new DataFormatException(
              file,
              "ends after "
                  + ((long) i * RECORD + length)
                  + " bytes, expected "
                  + (long) RECORDS * RECORD);
        }
        int label = record[0] & 0xff;
        if (label >= CLASSES.size()) {
          throw new DataFormatException(
              file, "label " + i + " is " + label + ", expected 0 to " + (CLASSES.size() - 1));
        }
        labels[first + i] = record[0];
        interleave(record, pixels, (first + i) * IMAGE);
      }
      if (in.read() >= 0) {
        throw new DataFormatException(
            file, "goes on after the expected " + (long) RECORDS * RECORD + " bytes");
      }
    } catch (IOException e) {
      throw DataFiles.failure(file, e);
    }
  }

  /** Three planes to pixels of three channels. */
  private static void interleave(byte[] record, byte[] pixels, int to) {
    for (int c = 0; c < CHANNELS; c++) {
      for (int p = 0; p < PLANE; p++) {
        pixels[to + p * CHANNELS + c] = record[1 + c * PLANE + p];
      }
    }
  }
}
