package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A file of unsigned bytes in the IDX format of the MNIST data: a big-endian magic number
 * 0x000008RR with the rank RR, RR big-endian sizes, and the bytes. May be gzipped, whatever its
 * name; one that is not is mapped to memory.
 */
record IdxFile(Path file, int[] sizes, ByteBuffer data) {
  private static final int UNSIGNED_BYTES = 0x800;

  /** Bytes that fit in a Java array with some to spare. */
  private static final int LARGEST = Integer.MAX_VALUE - 64;

  /**
   * Reads and checks a file.
   *
   * @param innerSizes all sizes but the first, which is the number of items
   * @throws DataFormatException if the file is missing, or not of this rank and these sizes, or too
   *     short or long
   */
  static IdxFile read(Path file, int... innerSizes) {
    try (InputStream in = DataFiles.open(file)) {
      int magic = readInt(in, file);
      int expectedMagic = UNSIGNED_BYTES + 1 + innerSizes.length;
      if (magic != expectedMagic) {
        throw new DataFormatException(
            file, String.format("magic number is 0x%08x, expected 0x%08x", magic, expectedMagic));
      }
      int[] sizes = new int[1 + innerSizes.length];
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = readInt(in, file);
      }
      if (!Arrays.equals(innerSizes, 0, innerSizes.length, sizes, 1, sizes.length)) {
        throw new DataFormatException(
            file,
            "sizes are "
                + Arrays.toString(sizes)
                + ", expected [N, "
                + Arrays.toString(innerSizes).substring(1));
      }
      int length = dataLength(file, sizes);
      ByteBuffer data =
          DataFiles.isGzipped(file)
              ? readData(in, file, length)
              : DataFiles.map(file, (1 + sizes.length) * Integer.BYTES, length, "bytes of data");
      return new IdxFile(file, sizes, data);
    } catch (IOException e) {
      throw DataFiles.failure(file, e);
    }
  }

  /** Number of items, the first size. */
  int count() {
    return sizes[0];
  }

  private static int dataLength(Path file, int[] sizes) {
    long itemSize = 1;
    for (int i = 1; i < sizes.length; i++) {
      itemSize *= sizes[i];
    }
    long most = LARGEST / itemSize;
    if (sizes[0] < 1 || sizes[0] > most) {
      throw new DataFormatException(
          file, "number of items is " + sizes[0] + ", expected 1 to " + most);
    }
    return (int) (sizes[0] * itemSize);
  }

  private static ByteBuffer readData(InputStream in, Path file, int length) throws IOException {
    // Grows with what is there: a wrong size in the header does not take memory.
    byte[] data = in.readNBytes(length);
    if (data.length < length) {
      throw new DataFormatException(
          file, "ends after " + data.length + " bytes of data, expected " + length);
    }
    if (in.read() >= 0) {
      throw new DataFormatException(
          file, "goes on after the expected " + length + " bytes of data");
    }
    return ByteBuffer.wrap(data);
  }

  private static int readInt(InputStream in, Path file) throws IOException {
    byte[] bytes = in.readNBytes(Integer.BYTES);
    if (bytes.length < Integer.BYTES) {
      throw new DataFormatException(file, "ends within the header");
    }
    return ByteBuffer.wrap(bytes).getInt();
  }
}
