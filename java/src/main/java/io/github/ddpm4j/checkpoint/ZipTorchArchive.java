package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * What {@code torch.save} writes since PyTorch 1.6: a zip archive with an entry {@code data.pkl}
 * and one for each storage.
 *
 * @param prefix of the names of all entries
 */
record ZipTorchArchive(Path file, String prefix, ByteOrder order, Object root)
    implements TorchArchive {
  private static final String PICKLE = "data.pkl";

  static ZipTorchArchive open(Path file) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      String prefix = prefix(file, zip);
      byte[] pickle = bytes(file, zip, zip.getEntry(prefix + PICKLE), LARGEST_PICKLE);
      Object root = new PickleReader(file, ByteBuffer.wrap(pickle)).read();
      return new ZipTorchArchive(file, prefix, order(file, zip, prefix), root);
    }
  }

  private static String prefix(Path file, ZipFile zip) {
    List<String> pickles =
        zip.stream()
            .map(ZipEntry::getName)
            .filter(name -> name.equals(PICKLE) || name.endsWith("/" + PICKLE))
            .toList();
    if (pickles.size() != 1) {
      throw new CheckpointException(
          file, "archive", "has entries " + pickles + ", expected one " + PICKLE);
    }
    return pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
  }

  private static ByteOrder order(Path file, ZipFile zip, String prefix) throws IOException {
    ZipEntry entry = zip.getEntry(prefix + "byteorder");
    String order =
        entry == null ? "little" : new String(bytes(file, zip, entry, 16), StandardCharsets.UTF_8);
    return switch (order) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default ->
          throw new CheckpointException(file, "byteorder", "is unknown, expected little or big");
    };
  }

  private static byte[] bytes(Path file, ZipFile zip, ZipEntry entry, int most) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(most + 1);
      if (bytes.length > most) {
        throw new CheckpointException(file, entry.getName(), "is longer than " + most + " bytes");
      }
      return bytes;
    }
  }

  @Override
  public ByteBuffer read(String tensor, TorchTensor.Storage storage, long offset, int length)
      throws IOException {
    long expected = storage.count() * storage.dtype().size;
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry entry = zip.getEntry(prefix + "data/" + storage.key());
      if (entry == null || entry.getSize() != expected) {
        throw new CheckpointException(
            file,
            tensor,
            "is of storage "
                + storage.key()
                + (entry == null ? ", which is missing" : " of " + entry.getSize() + " bytes")
                + ", expected "
                + expected
                + " bytes");
      }
      byte[] bytes = new byte[length];
      try (InputStream in = zip.getInputStream(entry)) {
        in.skipNBytes(offset);
        if (in.readNBytes(bytes, 0, length) < length) {
          throw new EOFException("the storage is shorter than the archive says");
        }
      }
      return ByteBuffer.wrap(bytes).order(order);
    }
  }
}
