package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.files.AtomicFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * NumPy's files of arrays: {@code .npz}, a zip archive of named ones, stored or deflated, or {@code
 * .npy}, of one, which then has the name {@code arr_0} as {@code numpy.savez} gives it.
 */
public final class NpzFile {
  private static final String SUFFIX = ".npy";
  private static final String FIRST = "arr_0";

  /** The earliest time that zip archives know, which NumPy writes too. */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  private final Path file;
  private final boolean single;
  private final List<String> names;

  private NpzFile(Path file, boolean single, List<String> names) {
    this.file = file;
    this.single = single;
    this.names = names;
  }

  /**
   * Opens a file by its name; arrays are read when asked for.
   *
   * @throws DataFormatException if it cannot be read, or is no zip archive
   */
  public static NpzFile open(Path file) {
    if (file.getFileName().toString().endsWith(SUFFIX)) {
      return new NpzFile(file, true, List.of(FIRST));
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      List<String> names = new ArrayList<>();
      zip.stream()
          .map(ZipEntry::getName)
          .filter(name -> name.endsWith(SUFFIX))
          .forEach(name -> names.add(name.substring(0, name.length() - SUFFIX.length())));
      return new NpzFile(file, false, List.copyOf(names));
    } catch (IOException | IllegalArgumentException e) {
      throw failure(file, e);
    }
  }

  public Path file() {
    return file;
  }

  /** Names of the arrays, without {@code .npy}, in the order of the file. */
  public List<String> names() {
    return names;
  }

  /**
   * Reads an array.
   *
   * @throws DataFormatException if there is none of this name, or it is not as {@link NpyArray}
   *     says
   */
  public NpyArray array(String name) {
    if (!names.contains(name)) {
      throw new DataFormatException(file, "has arrays " + names + ", expected one named " + name);
    }
    try {
      if (single) {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
          return NpyArray.read(file, "array", in);
        }
      }
      try (ZipFile zip = new ZipFile(file.toFile());
          InputStream in =
              new BufferedInputStream(zip.getInputStream(zip.getEntry(name + SUFFIX)))) {
        return NpyArray.read(file, name + SUFFIX, in);
      }
    } catch (IOException | IllegalArgumentException e) {
      throw failure(file, e);
    }
  }

  /**
   * The array {@code arr_0} as images: bytes [N,H,W,C] of 1 or 3 channels, or [N,H,W].
   *
   * @throws DataFormatException if it is of another type or shape
   */
  public ImageDataset images() {
    NpyArray array = array(FIRST);
    int[] shape = array.shape();
    boolean grey = shape.length == 3;
    int channels = grey ? 1 : shape.length == 4 ? shape[3] : 0;
    if (!array.isBytes()
        || channels != 1 && channels != 3
        || shape[0] < 1
        || shape[1] < 1
        || shape[2] < 1) {
      throw new DataFormatException(
          file,
          FIRST
              + " is of "
              + (array.isBytes() ? "bytes" : "floating-point numbers")
              + " and shape "
              + Arrays.toString(shape)
              + ", expected bytes [N, H, W, C] of 1 or 3 channels, or [N, H, W]");
    }
    return new ImageDataset(shape[0], shape[1], shape[2], channels, array.bytes(), null);
  }

  /**
   * Writes a {@code .npz} file, whole or not at all; the same arrays give the same bytes.
   *
   * @throws DdpmException if it cannot be written
   */
  public static void write(Path file, Map<String, NpyArray> arrays) {
    try {
      AtomicFile.write(
          file,
          out -> {
            ZipOutputStream zip = new ZipOutputStream(out);
            for (Map.Entry<String, NpyArray> array : new TreeMap<>(arrays).entrySet()) {
              ZipEntry entry = new ZipEntry(array.getKey() + SUFFIX);
              entry.setTimeLocal(TIME);
              zip.putNextEntry(entry);
              array.getValue().write(zip);
              zip.closeEntry();
            }
            zip.finish();
          });
    } catch (IOException e) {
      throw new DdpmException("file " + file + " cannot be written: " + e, e);
    }
  }

  private static DataFormatException failure(Path file, Exception e) {
    DataFormatException failure = new DataFormatException(file, "cannot be read: " + e);
    failure.initCause(e);
    return failure;
  }
}
