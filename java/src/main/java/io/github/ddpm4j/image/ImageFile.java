package io.github.ddpm4j.image;

import io.github.ddpm4j.DataFormatException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;

/** Reads image files: PNG, JPEG, GIF and BMP. */
public final class ImageFile {
  private static final float HALF_RANGE = 127.5f;

  private ImageFile() {}

  /**
   * One image as values in [-1, 1].
   *
   * @param channels 3, or 1 for the luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B
   * @throws DataFormatException if the file is not an image of this size
   */
  public static Images read(Path file, int height, int width, int channels) {
    BufferedImage image;
    try {
      image = ImageIO.read(file.toFile());
    } catch (IOException e) {
      throw new DataFormatException(file, "cannot be read: " + e.getMessage());
    }
    if (image == null) {
      throw new DataFormatException(file, "is not an image, expected PNG, JPEG, GIF or BMP");
    }
    if (image.getHeight() != height || image.getWidth() != width) {
      throw new DataFormatException(
          file,
          "has "
              + image.getWidth()
              + " x "
              + image.getHeight()
              + " pixels, expected "
              + width
              + " x "
              + height);
    }
    // Grey files hold linear samples to Java, which getRGB would convert to sRGB.
    boolean grey = image.getType() == BufferedImage.TYPE_BYTE_GRAY;
    float[] pixels = new float[height * width * channels];
    for (int p = 0; p < height * width; p++) {
      int x = p % width;
      int y = p / width;
      int packed = image.getRGB(x, y);
      float[] rgb = {packed >> 16 & 0xff, packed >> 8 & 0xff, packed & 0xff};
      if (grey) {
        Arrays.fill(rgb, image.getRaster().getSample(x, y, 0));
      }
      if (channels == 1) {
        float luma = 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
        pixels[p] = Math.round(luma) / HALF_RANGE - 1;
      } else {
        for (int c = 0; c < channels; c++) {
          pixels[p * channels + c] = rgb[c] / HALF_RANGE - 1;
        }
      }
    }
    return new Images(1, height, width, channels, pixels);
  }
}
