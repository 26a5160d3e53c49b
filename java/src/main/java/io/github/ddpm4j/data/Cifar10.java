package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The CIFAR-10 data set (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images",
 * 2009), 32×32 colour images with labels 0 to 9, in its binary version: records of a label and the
 * red, green and blue planes. The files may be gzipped or not: {@code data_batch_1.bin.gz} or
 * {@code data_batch_1.bin} and so on. Files that are not are mapped to memory rather than read, and
 * must not change while the data set is in use.
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
    Path[] files =
        Stream.of(names).map(name -> DataFiles.find(folder, name + ".bin")).toArray(Path[]::new);
    int count = files.length * RECORDS;
    byte[] labels = new byte[count];
    if (Stream.of(files).noneMatch(DataFiles::isGzipped)) {
      ByteBuffer[] records = new ByteBuffer[files.length];
      for (int i = 0; i < files.length; i++) {
        records[i] = map(files[i], i * RECORDS, labels);
      }
      return new ImageDataset(
          count,
          SIZE,
          SIZE,
          CHANNELS,
          (image, out, at) ->
              interleave(records[image / RECORDS], image % RECORDS * RECORD, out, at),
          labels);
    }
    byte[] pixels = new byte[count * IMAGE];
    for (int i = 0; i < files.length; i++) {
      read(files[i], i * RECORDS, pixels, labels);
    }
    return new ImageDataset(count, SIZE, SIZE, CHANNELS, pixels, labels);
  }

  /** The records of a file that is not gzipped. */
  private static ByteBuffer map(Path file, int first, byte[] labels) {
    ByteBuffer records = DataFiles.map(file, 0, RECORDS * RECORD, "bytes");
    for (int i = 0; i < RECORDS; i++) {
      labels[first + i] = label(file, i, records.get(i * RECORD));
    }
    return records;
  }

  private static byte label(Path file, int i, byte label) {
    if ((label & 0xff) >= CLASSES.size()) {
      throw new DataFormatException(
          file, "label " + i + " is " + (label & 0xff) + ", expected 0 to " + (CLASSES.size() - 1));
    }
    return label;
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
        labels[first + i] = label(file, i, record[0]);
        interleave(ByteBuffer.wrap(record), 0, pixels, (first + i) * IMAGE);
      }
      if (in.read() >= 0) {
        throw new DataFormatException(
            file, "goes on after the expected " + (long) RECORDS * RECORD + " bytes");
      }
    } catch (IOException e) {
      throw DataFiles.failure(file, e);
    }
  }

  /**
   * The three planes of a record, which starts at a place in records, to pixels of three channels.
   */
  private static void interleave(ByteBuffer records, int from, byte[] pixels, int to) {
    for (int c = 0; c < CHANNELS; c++) {
      int plane = from + 1 + c * PLANE;
      for (int p = 0; p < PLANE; p++) {
        pixels[to + p * CHANNELS + c] = records.get(plane + p);
      }
    }
  }
}
