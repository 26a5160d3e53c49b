package io.github.ddpm4j.image;

import io.github.ddpm4j.InvalidArgumentException;
import java.awt.image.BufferedImage;
import java.awt.image.WritableRaster;
import java.util.Arrays;

/** Draws images side by side. */
final class Grid {
  /** Pixels between neighbouring images, and their shade. */
  private static final int GAP = 2;

  private static final byte GAP_SHADE = (byte) 128;

  /** Images are enlarged towards this size where no scale is given. */
  private static final int LEGIBLE_SIZE = 64;

  private Grid() {}

  static int squareColumns(int count) {
    return (int) Math.ceil(Math.sqrt(count));
  }

  static int legibleScale(Images images) {
    return Math.max(1, LEGIBLE_SIZE / Math.max(images.height(), images.width()));
  }

  static BufferedImage draw(Images images, int columns, int scale) {
    int channels = images.channels();
    if (channels != 1 && channels != 3) {
      throw new InvalidArgumentException(
          "images have " + channels + " channels, expected 1 or 3 to draw them");
    }
    int used = Math.min(columns, images.count());
    int rows = (images.count() + used - 1) / used;
    int cellWidth = images.width() * scale + GAP;
    int cellHeight = images.height() * scale + GAP;
    BufferedImage picture =
        blank(used * (long) cellWidth - GAP, rows * (long) cellHeight - GAP, channels);
    byte[] bytes = images.bytes();
    int size = bytes.length / images.count();
    for (int i = 0; i < images.count(); i++) {
      byte[] enlarged = enlarge(bytes, i * size, images, scale);
      picture
          .getRaster()
          .setDataElements(
              i % used * cellWidth,
              i / used * cellHeight,
              cellWidth - GAP,
              cellHeight - GAP,
              enlarged);
    }
    return picture;
  }

  private static BufferedImage blank(long width, long height, int channels) {
    if (width * height * channels > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "the picture would have "
              + width
              + " x "
              + height
              + " pixels, expected fewer: draw a slice, or a smaller scale");
    }
    int type = channels == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_3BYTE_BGR;
    BufferedImage picture = new BufferedImage((int) width, (int) height, type);
    WritableRaster raster = picture.getRaster();
    byte[] row = new byte[(int) width * channels];
    Arrays.fill(row, GAP_SHADE);
    for (int y = 0; y < height; y++) {
      raster.setDataElements(0, y, (int) width, 1, row);
    }
    return picture;
  }

  /** One image, each pixel repeated scale times across and down. */
  private static byte[] enlarge(byte[] bytes, int start, Images images, int scale) {
    int height = images.height() * scale;
    int width = images.width() * scale;
    int channels = images.channels();
    byte[] enlarged = new byte[height * width * channels];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int pixel = y / scale * images.width() + x / scale;
        System.arraycopy(
            bytes, start + pixel * channels, enlarged, (y * width + x) * channels, channels);
      }
    }
    return enlarged;
  }
}
