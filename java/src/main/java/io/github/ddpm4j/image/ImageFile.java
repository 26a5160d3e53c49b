package io.github.ddpm4j.image;

import io.github.ddpm4j.DataFormatException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/** Reads image files: PNG, JPEG, GIF and BMP. */
public final class ImageFile {
  private static final Pattern NAME = Pattern.compile("(?i).*\\.(png|jpe?g|gif|bmp)");

  private ImageFile() {}

  /**
   * The image files of a folder, by their names' endings: PNG, JPEG, GIF and BMP; sorted by name.
   *
   * @throws DataFormatException if the folder cannot be read, or has none
   */
  public static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> images =
          files
              .filter(file -> NAME.matcher(file.getFileName().toString()).matches())
              .sorted()
              .toList();
      if (images.isEmpty()) {
        throw new DataFormatException(folder, "has no image files, expected PNG, JPEG, GIF or BMP");
      }
      return images;
    } catch (IOException e) {
      throw new DataFormatException(folder, "cannot be read: " + e);
    }
  }

  /**
   * One image of its own size as values in [-1, 1]: of 1 channel if the file is grey, else of 3.
   *
   * @throws DataFormatException if the file is not an image
   */
  public static Images read(Path file) {
    BufferedImage image = open(file);
    boolean indexed = image.getColorModel() instanceof IndexColorModel;
    return Images.of(image, image.getRaster().getNumBands() < 3 && !indexed ? 1 : 3);
  }

  /**
   * One image of any size as values in [-1, 1]; see {@link Images#of}.
   *
   * @param channels 3 or 1
   * @throws DataFormatException if the file is not an image
   */
  public static Images read(Path file, int channels) {
    return Images.of(open(file), channels);
  }

  /**
   * One image of a given size as values in [-1, 1]; see {@link Images#of}.
   *
   * @param channels 3 or 1
   * @throws DataFormatException if the file is not an image of this size
   */
  public static Images read(Path file, int height, int width, int channels) {
    Images image = read(file, channels);
    if (image.height() != height || image.width() != width) {
      throw new DataFormatException(
          file,
          "has "
              + image.width()
              + " x "
              + image.height()
              + " pixels, expected "
              + width
              + " x "
              + height);
    }
    return image;
  }

  private static BufferedImage open(Path file) {
    BufferedImage image;
    try {
      image = ImageIO.read(file.toFile());
    } catch (IOException e) {
      throw new DataFormatException(file, "cannot be read: " + e.getMessage());
    }
    if (image == null) {
      throw new DataFormatException(file, "is not an image, expected PNG, JPEG, GIF or BMP");
    }
    return image;
  }
}
