package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A file of {@code torch.save}: a pickled dict of tensors and storages of numbers, in a zip archive
 * or in the form that PyTorch had before 1.6. No code of the pickle is run; see {@link
 * PickleReader}. Tensors of dicts within the dict are named with a dot, as in {@code
 * model.conv_in.weight}.
 */
public final class TorchFile implements TensorFile {
  /** Dicts within dicts; a pickle may also hold a dict in itself. */
  private static final int DEEPEST = 4;

  /** Entries of all dicts; a pickle may hold a dict many times. */
  private static final int MOST_ENTRIES = 100_000;

  /** Numbers of the storage between a tensor's first and last, for each of its own. */
  private static final int SPARSEST = 64;

  private final Path file;
  private final TorchArchive archive;
  private final Map<String, TorchTensor> tensors = new LinkedHashMap<>();
  private int entries;

  private TorchFile(Path file, TorchArchive archive) {
    this.file = file;
    this.archive = archive;
    Object root = archive.root();
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
    try {
      return new TorchFile(
          file,
          LegacyTorchArchive.is(file) ? LegacyTorchArchive.open(file) : ZipTorchArchive.open(file));
    } catch (IOException | IllegalArgumentException e) {
      throw unreadable(
          file, "is neither a zip archive nor what torch.save wrote before PyTorch 1.6: " + e, e);
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
    int size = tensor.storage().dtype().size;
    try {
      return archive.read(
          name, tensor.storage(), tensor.offset() * size, (int) tensor.span() * size);
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
