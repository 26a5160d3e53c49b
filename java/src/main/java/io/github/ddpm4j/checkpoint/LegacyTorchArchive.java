package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@code torch.save} wrote before PyTorch 1.6: pickles of a magic number, a version, a dict
 * about the machine, the data and a list of storages' keys; then for each key the number of its
 * storage's elements, in 64 bits, and the elements.
 *
 * @param positions of the first element of each storage in the file
 */
record LegacyTorchArchive(Path file, Map<String, Long> positions, Object root)
    implements TorchArchive {
  /** The pickle of 0x1950a86a20f9469cfc6c, in protocol 2. */
  private static final byte[] MAGIC = {
    (byte) 0x80,
    2,
    (byte) 0x8a,
    10,
    0x6c,
    (byte) 0xfc,
    (byte) 0x9c,
    0x46,
    (byte) 0xf9,
    0x20,
    0x6a,
    (byte) 0xa8,
    0x50,
    0x19,
    '.'
  };

  private static final Long VERSION = 1001L;

  /** Whether a file begins as these files do. */
  static boolean is(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(MAGIC.length), MAGIC);
    }
  }

  static LegacyTorchArchive open(Path file) throws IOException {
    ByteBuffer in;
    try (InputStream stream = Files.newInputStream(file)) {
      in = ByteBuffer.wrap(stream.readNBytes(LARGEST_PICKLE)).position(MAGIC.length);
    }
    require(file, "version", new PickleReader(file, in).read(), VERSION);
    Object machine = new PickleReader(file, in).read();
    require(
        file,
        "little_endian",
        machine instanceof Map<?, ?> about ? about.get("little_endian") : null,
        true);
    PickleReader data = new PickleReader(file, in);
    Object root = data.read();
    Object keys = new PickleReader(file, in).read();
    if (!(keys instanceof List<?> list)) {
      throw new CheckpointException(file, "pickle", "has no list of storages behind the tensors");
    }
    return new LegacyTorchArchive(
        file, positions(file, list, data.storages(), in.position()), root);
  }

  private static void require(Path file, String what, Object value, Object expected) {
    if (!expected.equals(value)) {
      throw new CheckpointException(file, what, "is not as expected, " + expected);
    }
  }

  private static Map<String, Long> positions(
      Path file, List<?> keys, Map<String, TorchTensor.Storage> storages, long start)
      throws IOException {
    Map<String, Long> positions = new HashMap<>();
    long at = start;
    try (FileChannel channel = FileChannel.open(file)) {
      for (Object key : keys) {
        TorchTensor.Storage storage = key instanceof String ? storages.get(key) : null;
        if (storage == null) {
          throw new CheckpointException(
              file, "pickle", "lists a storage that no tensor is of, whose size is not known");
        }
        long count = read(channel, at, Long.BYTES).getLong();
        if (count != storage.count()) {
          throw new CheckpointException(
              file,
              "storage " + storage.key(),
              "has " + count + " elements, expected " + storage.count());
        }
        at += Long.BYTES;
        positions.put(storage.key(), at);
        at += count * storage.dtype().size;
      }
    }
    return positions;
  }

  private static ByteBuffer read(FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, position + bytes.position()) < 0) {
        throw new EOFException("the file ends before its storages");
      }
    }
    return bytes.flip();
  }

  @Override
  public ByteBuffer read(String tensor, TorchTensor.Storage storage, long offset, int length)
      throws IOException {
    Long position = positions.get(storage.key());
    if (position == null) {
      throw new CheckpointException(
          file, tensor, "is of storage " + storage.key() + ", which is missing");
    }
    try (FileChannel channel = FileChannel.open(file)) {
      return read(channel, position + offset, length);
    }
  }
}
