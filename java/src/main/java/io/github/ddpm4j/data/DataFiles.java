package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Reading files that may be gzipped. */
final class DataFiles {
  private static final int GZIP_MAGIC = 0x1f8b;
  private static final int BUFFER = 1 << 16;

  private DataFiles() {}

  /**
   * The file of a name in a folder, gzipped or not; if there are both, the one that is not.
   *
   * @throws DataFormatException if there is neither
   */
  static Path find(Path folder, String name) {
    Path gzipped = folder.resolve(name + ".gz");
    Path plain = folder.resolve(name);
    if (Files.exists(plain)) {
      return plain;
    }
    if (Files.exists(gzipped)) {
      return gzipped;
    }
    throw new DataFormatException(folder, "has neither " + name + ".gz nor " + name);
  }

  /** Whether a file is gzipped, whatever its name. */
  static boolean isGzipped(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return (in.read() << 8 | in.read()) == GZIP_MAGIC;
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /**
   * Maps a file that is not gzipped to memory, from its byte first on.
   *
   * @param unit what the length is in, for messages
   * @throws DataFormatException if it does not end after length bytes
   */
  static ByteBuffer map(Path file, int first, int length, String unit) {
    try (FileChannel channel = FileChannel.open(file)) {
      long there = channel.size() - first;
      if (there < length) {
        throw new DataFormatException(
            file, "ends after " + there + " " + unit + ", expected " + length);
      }
      if (there > length) {
        throw new DataFormatException(file, "goes on after the expected " + length + " " + unit);
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, first, length);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /** The bytes of a file, unpacked if it is gzipped, whatever its name. */
  static InputStream open(Path file) throws IOException {
    BufferedInputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER);
    if (!isGzipped(file)) {
      return in;
    }
    try {
      return new GZIPInputStream(in, BUFFER);
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  /** What a failure to read a file is to the caller. */
  static DataFormatException failure(Path file, IOException e) {
    String problem;
    if (e instanceof EOFException) {
      problem = "the gzipped data ends too early";
    } else if (e instanceof ZipException) {
      problem = "the gzipped data is damaged: " + e.getMessage();
    } else {
      problem = "cannot be read: " + e;
    }
    DataFormatException failure = new DataFormatException(file, problem);
    failure.initCause(e);
    return failure;
  }
}
