package io.github.ddpm4j.image;

import io.github.ddpm4j.DataFormatException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Reads image files: PNG, JPEG, GIF and BMP. */
public final class ImageFile {
  private ImageFile() {}

  /**
   * One image of any size as values in [-1, 1]; see {@link Images#of}.
   *
   * @param channels 3 or 1
   * @throws DataFormatException if the file is not an image
   */
  public static Images read(Path file, int channels) {
    BufferedImage image;
    try {
      image = ImageIO.read(file.toFile());
    } catch (IOException e) {
      throw new DataFormatException(file, "cannot be read: " + e.getMessage());
    }
    if (image == null) {
      throw new DataFormatException(file, "is not an image, expected PNG, JPEG, GIF or BMP");
    }
    return Images.of(image, channels);
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
}
