package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * An array in NumPy's {@code .npy} format, versions 1 to 3 ({@code numpy.lib.format}): of bytes, or
 * of floating-point numbers of 32 or 64 bits in either byte order; in C or Fortran order.
 */
public final class NpyArray {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int LONGEST_HEADER = 1 << 16;
  private static final int ALIGNMENT = 64;

  /** Bytes that fit in a Java array with some to spare. */
  private static final int LARGEST = Integer.MAX_VALUE - 64;

  private static final Pattern DESCR = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
  private static final Pattern FORTRAN = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([\\d,\\s]*)\\)");

  private final String type;
  private final int[] shape;
  private final ByteBuffer data;

  private NpyArray(String type, int[] shape, ByteBuffer data) {
    this.type = type;
    this.shape = shape;
    this.data = data;
  }

  /** An array of float64 numbers in C order. */
  public static NpyArray of(int[] shape, double[] values) {
    ByteBuffer data =
        ByteBuffer.allocate(Math.multiplyExact(Double.BYTES, values.length))
            .order(ByteOrder.LITTLE_ENDIAN);
    data.asDoubleBuffer().put(values);
    return new NpyArray("f8", shape.clone(), data);
  }

  /** An array of unsigned bytes in C order. */
  public static NpyArray of(int[] shape, byte[] values) {
    return new NpyArray("u1", shape.clone(), ByteBuffer.wrap(values));
  }

  /**
   * Reads an array.
   *
   * @param where what errors call it: an entry of the file
   * @throws DataFormatException if it is not in the format, of another type, or too short or long
   */
  static NpyArray read(Path file, String where, InputStream in) throws IOException {
    Reader reader = new Reader(file, where, in);
    String header = reader.header();
    String descr = reader.find(DESCR, header, "a descr of one type");
    String type = descr.isEmpty() ? descr : descr.substring(1);
    boolean big = descr.startsWith(">");
    if (!descr.equals("|u1") && !(descr.matches("[<>]f[48]"))) {
      throw reader.problem("has type " + descr + ", expected |u1, <f4, <f8, >f4 or >f8");
    }
    int[] shape = reader.shape(reader.find(SHAPE, header, "a shape"));
    boolean fortran = reader.find(FORTRAN, header, "a fortran_order").equals("True");
    int size = type.charAt(1) - '0';
    long bytes = size;
    for (int dim : shape) {
      bytes *= dim;
      if (bytes > LARGEST) {
        throw reader.problem("has shape " + Arrays.toString(shape) + ", which is too large");
      }
    }
    byte[] data = reader.data((int) bytes);
    if (fortran && shape.length > 1) {
      data = cOrder(data, shape, size);
    }
    ByteOrder order = big ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    return new NpyArray(type, shape, ByteBuffer.wrap(data).order(order));
  }

  /** Elements with the last index fastest, from those with the first fastest. */
  private static byte[] cOrder(byte[] data, int[] shape, int size) {
    byte[] ordered = new byte[data.length];
    int[] index = new int[shape.length];
    for (int from = 0; from < data.length; from += size) {
      int to = 0;
      for (int d = 0; d < shape.length; d++) {
        to = to * shape[d] + index[d];
      }
      System.arraycopy(data, from, ordered, to * size, size);
      for (int d = 0; d < shape.length && ++index[d] == shape[d]; d++) {
        index[d] = 0;
      }
    }
    return ordered;
  }

  public int[] shape() {
    return shape.clone();
  }

  public boolean isBytes() {
    return type.equals("u1");
  }

  /** All elements as numbers, in C order. */
  public double[] doubles() {
    double[] values = new double[data.capacity() / (type.charAt(1) - '0')];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case "f8" -> data.getDouble(i * Double.BYTES);
            case "f4" -> data.getFloat(i * Float.BYTES);
            default -> data.get(i) & 0xff;
          };
    }
    return values;
  }

  /** All elements of an array of bytes, in C order: its own, not a copy. */
  public byte[] bytes() {
    if (!isBytes()) {
      throw new IllegalStateException("the array is of type " + type);
    }
    return data.array();
  }

  /** Writes the array in version 1 of the format. */
  void write(OutputStream out) throws IOException {
    String dims = Arrays.stream(shape).mapToObj(dim -> dim + ",").collect(Collectors.joining(" "));
    String descr = (isBytes() ? "|" : "<") + type;
    String header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + dims + "), }";
    int before = MAGIC.length + 4;
    int unpadded = before + header.length() + 1;
    int length = (unpadded + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - before;
    byte[] padded = new byte[length];
    Arrays.fill(padded, (byte) ' ');
    byte[] text = header.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, padded, 0, text.length);
    padded[length - 1] = '\n';
    out.write(MAGIC);
    out.write(new byte[] {1, 0, (byte) length, (byte) (length >> 8)});
    out.write(padded);
    out.write(data.array());
  }

  /** What is read of a stream, with errors that name the place. */
  private record Reader(Path file, String where, InputStream in) {
    String header() throws IOException {
      byte[] start = in.readNBytes(MAGIC.length + 2);
      if (start.length < MAGIC.length + 2
          || !Arrays.equals(start, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
        throw problem("does not begin with the magic string \\x93NUMPY");
      }
      int version = start[MAGIC.length];
      if (version < 1 || version > 3) {
        throw problem("has version " + version + ", expected 1 to 3");
      }
      byte[] size = in.readNBytes(version == 1 ? 2 : 4);
      long length = 0;
      for (int i = size.length - 1; i >= 0; i--) {
        length = length << 8 | size[i] & 0xff;
      }
      if (length > LONGEST_HEADER) {
        throw problem("has a header of " + length + " bytes, expected at most " + LONGEST_HEADER);
      }
      byte[] header = in.readNBytes((int) length);
      if (header.length < length || length == 0) {
        throw problem("ends within the header");
      }
      return new String(header, StandardCharsets.UTF_8);
    }

    String find(Pattern pattern, String header, String what) {
      Matcher found = pattern.matcher(header);
      if (!found.find()) {
        throw problem("has a header without " + what + ": " + header.strip());
      }
      return found.group(1);
    }

    int[] shape(String dims) {
      try {
        return Arrays.stream(dims.split(","))
            .map(String::strip)
            .filter(dim -> !dim.isEmpty())
            .mapToInt(Integer::parseInt)
            .toArray();
      } catch (NumberFormatException e) {
        throw problem("has shape (" + dims + "), which is no tuple of sizes");
      }
    }

    byte[] data(int length) throws IOException {
      byte[] data = in.readNBytes(length);
      if (data.length < length) {
        throw problem("ends after " + data.length + " bytes of data, expected " + length);
      }
      if (in.read() >= 0) {
        throw problem("goes on after the expected " + length + " bytes of data");
      }
      return data;
    }

    DataFormatException problem(String problem) {
      return new DataFormatException(file, where + ": " + problem);
    }
  }
}
