package io.github.ddpm4j.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes files as {@code torch.save} does, and broken ones. */
final class TorchFiles {
  private TorchFiles() {}

  /** A dict of no tensors, then what is given, then the end. */
  static byte[] pickle(String opcodes) {
    return ("\u0080\u0002}" + opcodes + ".").getBytes(StandardCharsets.ISO_8859_1);
  }

  /**
   * Opcodes that put a tensor into the dict on top of the stack.
   *
   * @param count of numbers of its storage
   */
  static String tensor(String name, String key, long count, long offset, int[] size, int[] stride) {
    return text(name)
        + "ctorch._utils\n_rebuild_tensor_v2\n(("
        + text("storage")
        + "ctorch\nFloatStorage\n"
        + text(key)
        + text("cpu")
        + number(count)
        + "tQ"
        + number(offset)
        + tuple(size)
        + tuple(stride)
        + "\u0089ccollections\nOrderedDict\n)RtRs";
  }

  static String text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return "X" + littleEndian(utf8.length, 4) + new String(utf8, StandardCharsets.ISO_8859_1);
  }

  static String number(long number) {
    return "\u008a\u0008" + littleEndian(number, 8);
  }

  private static String tuple(int[] numbers) {
    StringBuilder tuple = new StringBuilder("(");
    for (int number : numbers) {
      tuple.append(number(number));
    }
    return tuple.append("t").toString();
  }

  private static String littleEndian(long number, int bytes) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < bytes; i++) {
      text.append((char) (number >> 8 * i & 0xff));
    }
    return text.toString();
  }

  /** Writes an archive of a pickle and storages of float32 numbers. */
  static Path write(Path file, byte[] pickle, Map<String, float[]> storages) {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      entry(zip, "model/data.pkl", pickle);
      entry(zip, "model/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
      for (Map.Entry<String, float[]> storage : storages.entrySet()) {
        float[] values = storage.getValue();
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        entry(zip, "model/data/" + storage.getKey(), bytes.array());
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes arrays as a state dict. */
  static Path write(Path file, Map<String, Safetensors.Array> arrays) {
    StringBuilder opcodes = new StringBuilder();
    Map<String, float[]> storages = new LinkedHashMap<>();
    arrays.forEach(
        (name, array) -> {
          String key = "" + storages.size();
          storages.put(key, array.values());
          int[] size = array.shape().toArray();
          int[] stride = new int[size.length];
          int step = 1;
          for (int i = size.length - 1; i >= 0; i--) {
            stride[i] = step;
            step *= size[i];
          }
          opcodes.append(tensor(name, key, array.values().length, 0, size, stride));
        });
    return write(file, pickle(opcodes.toString()), storages);
  }

  private static void entry(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    // The same bytes whenever it is written.
    entry.setTimeLocal(LocalDateTime.of(2000, 1, 1, 0, 0));
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }
}
