package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.files.AtomicFile;
import io.github.ddpm4j.tensor.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A safetensors file: named arrays of numbers. It has 8 bytes of header length (little-endian), a
 * JSON header, and the data.
 *
 * <p>Opening a file reads and checks its header only; tensors are read one at a time, when asked
 * for. The file is not kept open.
 */
public final class Safetensors implements TensorFile {
  /** Longest header that is read, enough for 100,000 tensors; the format allows 100 MB. */
  private static final long LARGEST_HEADER = 16L << 20;

  /** The writer pads the header so that the data begins at a multiple of this. */
  private static final int ALIGNMENT = 8;

  private static final int CHUNK = 1 << 16;

  private final Path file;
  private final Source source;
  private final SafetensorsHeader header;
  private final long dataStart;

  /** A float32 array in row-major order; no copy is made of the values. */
  public record Array(Shape shape, float[] values) {
    public Array {
      if (values.length != shape.count()) {
        throw new InvalidArgumentException(
            values.length + " values given, expected " + shape.count() + " for shape " + shape);
      }
    }
  }

  /** The bytes of a file. */
  private interface Source {
    long size() throws IOException;

    /** Bytes that are known to be there. */
    ByteBuffer read(long offset, int length) throws IOException;
  }

  private Safetensors(Path file, Source source) throws IOException {
    this.file = file;
    this.source = source;
    long size = source.size();
    if (size < Long.BYTES) {
      throw problem("header length", "the file has " + size + " bytes, expected at least 8");
    }
    long length = littleEndian(0, Long.BYTES).getLong();
    long most = Math.min(LARGEST_HEADER, size - Long.BYTES);
    if (length < 0 || length > most) {
      throw problem(
          "header length", "is " + Long.toUnsignedString(length) + ", expected at most " + most);
    }
    byte[] json = new byte[(int) length];
    source.read(Long.BYTES, json.length).get(json);
    this.dataStart = Long.BYTES + length;
    this.header = SafetensorsHeader.parse(file, json, size - dataStart);
  }

  /**
   * Opens a file.
   *
   * @throws CheckpointException if it cannot be read or is not a valid safetensors file
   */
  public static Safetensors read(Path file) {
    return open(file, new FileSource(file));
  }

  /**
   * Reads a stream to its end, for files within a jar.
   *
   * @param name named in complaints
   * @throws CheckpointException if it cannot be read or is not a valid safetensors file
   */
  public static Safetensors read(Path name, InputStream in) {
    try {
      return open(name, new ArraySource(in.readAllBytes()));
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  private static Safetensors open(Path file, Source source) {
    try {
      return new Safetensors(file, source);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  @Override
  public Set<String> names() {
    return header.entries().keySet();
  }

  /** The texts that the file carries beside its tensors. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  @Override
  public Path file(String name) {
    return file;
  }

  @Override
  public Shape shape(String name) {
    return entry(name).shape();
  }

  /** Values of a tensor of type F64, F32, F16 or BF16. */
  @Override
  public float[] floats(String name) {
    SafetensorsHeader.Entry entry = entry(name);
    if (!entry.dtype().isReal()) {
      throw problem(name, "dtype is " + entry.dtype() + ", expected F64, F32, F16 or BF16");
    }
    return values(entry);
  }

  /**
   * Values of a tensor as {@link #floats} gives them, or of type I64 or I32, rounded.
   *
   * @throws CheckpointException if there is none of this name, or it is of another type
   */
  public float[] numbers(String name) {
    SafetensorsHeader.Entry entry = entry(name);
    if (!entry.dtype().isNumber()) {
      throw problem(
          name, "dtype is " + entry.dtype() + ", expected F64, F32, F16, BF16, I64 or I32");
    }
    return values(entry);
  }

  private float[] values(SafetensorsHeader.Entry entry) {
    float[] values = new float[(int) entry.shape().count()];
    try {
      ByteBuffer bytes =
          littleEndian(dataStart + entry.begin(), (int) (entry.end() - entry.begin()));
      for (int i = 0; i < values.length; i++) {
        values[i] = entry.dtype().read(bytes);
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    return values;
  }

  /**
   * Writes a file of float32 tensors, under a temporary name first. The same tensors and metadata
   * give the same bytes, in whatever order the maps have them.
   *
   * @throws CheckpointException if the file cannot be written
   */
  public static void write(Path file, Map<String, Array> tensors, Map<String, String> metadata) {
    Map<String, Array> sorted = new TreeMap<>(tensors);
    Map<String, SafetensorsHeader.Entry> entries = new LinkedHashMap<>();
    long end = 0;
    for (Map.Entry<String, Array> tensor : sorted.entrySet()) {
      Shape shape = tensor.getValue().shape();
      if (tensor.getKey().equals(SafetensorsHeader.METADATA)) {
        throw new InvalidArgumentException("a tensor is named __metadata__, expected another name");
      }
      if (shape.count() > SafetensorsHeader.LARGEST_TENSOR) {
        throw new InvalidArgumentException(
            tensor.getKey()
                + " has shape "
                + shape
                + ", expected at most "
                + SafetensorsHeader.LARGEST_TENSOR
                + " elements");
      }
      long begin = end;
      end += shape.count() * Float.BYTES;
      entries.put(tensor.getKey(), new SafetensorsHeader.Entry(DType.F32, shape, begin, end));
    }
    byte[] json = new SafetensorsHeader(entries, new TreeMap<>(metadata)).toJson();
    try {
      AtomicFile.write(
          file,
          out -> {
            writeHeader(out, json);
            for (Array tensor : sorted.values()) {
              writeFloats(out, tensor.values());
            }
          });
    } catch (IOException e) {
      throw failure(file, "cannot be written: " + e, e);
    }
  }

  private static void writeHeader(OutputStream out, byte[] json) throws IOException {
    int padded = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    out.write(
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).array());
    byte[] spaced = Arrays.copyOf(json, padded);
    Arrays.fill(spaced, json.length, padded, (byte) ' ');
    out.write(spaced);
  }

  private static void writeFloats(OutputStream out, float[] values) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    int perChunk = CHUNK / Float.BYTES;
    for (int first = 0; first < values.length; first += perChunk) {
      int count = Math.min(perChunk, values.length - first);
      chunk.asFloatBuffer().put(values, first, count);
      out.write(chunk.array(), 0, count * Float.BYTES);
    }
  }

  private SafetensorsHeader.Entry entry(String name) {
    SafetensorsHeader.Entry entry = header.entries().get(name);
    if (entry == null) {
      throw problem(name, "is missing");
    }
    return entry;
  }

  private ByteBuffer littleEndian(long offset, int length) throws IOException {
    return source.read(offset, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private CheckpointException problem(String part, String problem) {
    return new CheckpointException(file, part, problem);
  }

  private static CheckpointException unreadable(Path file, IOException e) {
    return failure(file, "cannot be read: " + e, e);
  }

  private static CheckpointException failure(Path file, String problem, IOException cause) {
    CheckpointException failure = new CheckpointException(file, "file", problem);
    failure.initCause(cause);
    return failure;
  }

  private record ArraySource(byte[] bytes) implements Source {
    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public ByteBuffer read(long offset, int length) {
      return ByteBuffer.wrap(bytes, (int) offset, length);
    }
  }

  private record FileSource(Path file) implements Source {
    @Override
    public long size() throws IOException {
      try (FileChannel channel = FileChannel.open(file)) {
        return channel.size();
      }
    }

    @Override
    public ByteBuffer read(long offset, int length) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(length);
      try (FileChannel channel = FileChannel.open(file)) {
        while (bytes.hasRemaining()) {
          if (channel.read(bytes, offset + bytes.position()) < 0) {
            throw new EOFException("the file has become shorter");
          }
        }
      }
      return bytes.flip();
    }
  }
}
