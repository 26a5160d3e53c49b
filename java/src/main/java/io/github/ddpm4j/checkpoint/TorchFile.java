package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.tensor.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * A file of {@code torch.save}: a zip archive with a pickled dict of tensors and an entry for each
 * storage of numbers. No code of the pickle is run; see {@link PickleReader}. Tensors of dicts
 * within the dict are named with a dot, as in {@code model.conv_in.weight}.
 */
public final class TorchFile implements TensorFile {
  private static final String PICKLE = "data.pkl";

  /** Longest pickle that is read: that of 40,000 tensors. */
  private static final int LARGEST_PICKLE = 8 << 20;

  /** Dicts within dicts; a pickle may also hold a dict in itself. */
  private static final int DEEPEST = 4;

  /** Entries of all dicts; a pickle may hold a dict many times. */
  private static final int MOST_ENTRIES = 100_000;

  /** Numbers of the storage between a tensor's first and last, for each of its own. */
  private static final int SPARSEST = 64;

  private final Path file;
  private final String prefix;
  private final ByteOrder order;
  private final Map<String, TorchTensor> tensors = new LinkedHashMap<>();
  private int entries;

  private TorchFile(Path file, ZipFile zip) throws IOException {
    this.file = file;
    this.prefix = prefix(zip);
    this.order = order(zip);
    ZipEntry pickle = zip.getEntry(prefix + PICKLE);
    Object root = PickleReader.read(file, bytes(zip, pickle, LARGEST_PICKLE));
    if (!(root instanceof Map<?, ?> dict)) {
      throw problem("pickle", "holds " + kind(root) + ", expected a dict of tensors");
    }
    collect("", dict, 1);
  }

  /**
   * Opens a file.
   *
   * @throws CheckpointException if it cannot be read, or holds anything but tensors and dicts
   */
  public static TorchFile read(Path file) {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return new TorchFile(file, zip);
    } catch (IOException | IllegalArgumentException e) {
      throw unreadable(
          file, "is no zip archive, which torch.save writes since PyTorch 1.6: " + e, e);
    }
  }

  private String prefix(ZipFile zip) {
    List<String> pickles =
        zip.stream()
            .map(ZipEntry::getName)
            .filter(name -> name.equals(PICKLE) || name.endsWith("/" + PICKLE))
            .toList();
    if (pickles.size() != 1) {
      throw problem("archive", "has entries " + pickles + ", expected one " + PICKLE);
    }
    return pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
  }

  private ByteOrder order(ZipFile zip) throws IOException {
    ZipEntry entry = zip.getEntry(prefix + "byteorder");
    String order =
        entry == null ? "little" : new String(bytes(zip, entry, 16), StandardCharsets.UTF_8);
    return switch (order) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default -> throw problem("byteorder", "is unknown, expected little or big");
    };
  }

  private byte[] bytes(ZipFile zip, ZipEntry entry, int most) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(most + 1);
      if (bytes.length > most) {
        throw problem(entry.getName(), "is longer than " + most + " bytes");
      }
      return bytes;
    }
  }

  private void collect(String path, Map<?, ?> dict, int depth) {
    if (depth > DEEPEST) {
      throw problem(path, "is a dict " + depth + " deep, expected at most " + DEEPEST);
    }
    for (Map.Entry<?, ?> entry : dict.entrySet()) {
      if (++entries > MOST_ENTRIES) {
        throw problem("pickle", "holds more than " + MOST_ENTRIES + " entries");
      }
      String name = path.isEmpty() ? "" + entry.getKey() : path + "." + entry.getKey();
      if (entry.getValue() instanceof Map<?, ?> inner) {
        collect(name, inner, depth + 1);
      } else if (entry.getValue() instanceof TorchTensor tensor) {
        tensors.put(name, tensor);
      } else {
        throw problem(name, "is " + kind(entry.getValue()) + ", expected a tensor");
      }
    }
  }

  /** What a value of a pickle is, without its contents: they may hold themselves. */
  private static String kind(Object value) {
    if (value == null) {
      return "None";
    }
    if (value instanceof Boolean || value instanceof Number) {
      return "the number or flag " + value;
    }
    return value instanceof String
        ? "a text"
        : value instanceof List<?> ? "a list or tuple" : "something else";
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  @Override
  public Path file(String name) {
    return file;
  }

  @Override
  public Shape shape(String name) {
    return Shape.of(tensor(name).size());
  }

  @Override
  public float[] floats(String name) {
    TorchTensor tensor = tensor(name);
    DType dtype = tensor.storage().dtype();
    if (!dtype.isReal()) {
      throw problem(name, "dtype is " + dtype + ", expected F64, F32, F16 or BF16");
    }
    float[] values = new float[(int) Shape.of(tensor.size()).count()];
    if (tensor.span() / SPARSEST > values.length) {
      throw problem(name, "has " + values.length + " elements spread over " + tensor.span());
    }
    ByteBuffer bytes = bytes(name, tensor);
    int[] index = new int[tensor.size().length];
    long position = 0;
    for (int i = 0; i < values.length; i++) {
      values[i] = dtype.read(bytes.position((int) position * dtype.size));
      // On to the next element, the last index fastest.
      for (int d = index.length - 1; d >= 0; d--) {
        position += tensor.stride()[d];
        if (++index[d] < tensor.size()[d]) {
          break;
        }
        position -= index[d] * tensor.stride()[d];
        index[d] = 0;
      }
    }
    return values;
  }

  /** The storage's bytes from a tensor's first element to its last. */
  private ByteBuffer bytes(String name, TorchTensor tensor) {
    TorchTensor.Storage storage = tensor.storage();
    long length = storage.count() * storage.dtype().size;
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry entry = zip.getEntry(prefix + "data/" + storage.key());
      if (entry == null || entry.getSize() != length) {
        throw problem(
            name,
            "is of storage "
                + storage.key()
                + (entry == null ? ", which is missing" : " of " + entry.getSize() + " bytes")
                + ", expected "
                + length
                + " bytes");
      }
      byte[] bytes = new byte[(int) tensor.span() * storage.dtype().size];
      try (InputStream in = zip.getInputStream(entry)) {
        in.skipNBytes(tensor.offset() * storage.dtype().size);
        if (in.readNBytes(bytes, 0, bytes.length) < bytes.length) {
          throw new EOFException("the storage is shorter than the archive says");
        }
      }
      return ByteBuffer.wrap(bytes).order(order);
    } catch (IOException e) {
      throw unreadable(file, "cannot be read: " + e, e);
    }
  }

  private TorchTensor tensor(String name) {
    TorchTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw problem(name, "is missing");
    }
    return tensor;
  }

  private CheckpointException problem(String part, String problem) {
    return new CheckpointException(file, part, problem);
  }

  private static CheckpointException unreadable(Path file, String problem, Exception cause) {
    CheckpointException failure = new CheckpointException(file, "file", problem);
    failure.initCause(cause);
    return failure;
  }
}
