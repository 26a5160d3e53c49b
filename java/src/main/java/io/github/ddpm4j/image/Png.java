package io.github.ddpm4j.image;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.files.AtomicFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes PNG files. */
public final class Png {
  private Png() {}

  public static void write(Path file, BufferedImage image) {
    try {
      AtomicFile.write(
          file,
          out -> {
            try (var stream = new MemoryCacheImageOutputStream(out)) {
              ImageIO.write(image, "png", stream);
            }
          });
    } catch (IOException e) {
      throw new DdpmException("cannot write " + file + ": " + e, e);
    }
  }
}
