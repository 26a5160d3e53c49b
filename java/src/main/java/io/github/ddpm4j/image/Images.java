package io.github.ddpm4j.image;

import io.github.ddpm4j.InvalidArgumentException;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Images as plain Java data: pixels in [-1, 1], [N,H,W,C] in row-major order. What a model returns;
 * nothing of it is in native memory.
 *
 * <p>Values outside [-1, 1] are kept, and clamped where bytes are made of them.
 */
public final class Images {
  private static final float HALF_RANGE = 127.5f;

  private final int count;
  private final int height;
  private final int width;
  private final int channels;
  private final float[] pixels;

  /**
   * @param count N, at least 1, like all sizes
   * @param pixels N·H·W·C values, of which no copy is made
   */
  public Images(int count, int height, int width, int channels, float[] pixels) {
    requirePositive("count", count);
    requirePositive("height", height);
    requirePositive("width", width);
    requirePositive("channels", channels);
    long expected =
        Math.multiplyExact(
            Math.multiplyExact((long) count, height), Math.multiplyExact((long) width, channels));
    if (pixels.length != expected) {
      throw new InvalidArgumentException(
          pixels.length
              + " pixel values given, expected "
              + expected
              + " for ["
              + count
              + ","
              + height
              + ","
              + width
              + ","
              + channels
              + "]");
    }
    this.count = count;
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.pixels = pixels;
  }

  /**
   * One image of a picture's bytes b, as b/127.5 - 1.
   *
   * @param channels 3, or 1 for the luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B
   */
  public static Images of(BufferedImage image, int channels) {
    // Grey pictures hold linear samples to Java, which getRGB would convert to sRGB.
    boolean grey = image.getType() == BufferedImage.TYPE_BYTE_GRAY;
    int width = image.getWidth();
    float[] pixels = new float[image.getHeight() * width * channels];
    for (int p = 0; p < image.getHeight() * width; p++) {
      int packed = image.getRGB(p % width, p / width);
      float[] rgb = {packed >> 16 & 0xff, packed >> 8 & 0xff, packed & 0xff};
      if (grey) {
        Arrays.fill(rgb, image.getRaster().getSample(p % width, p / width, 0));
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
    return new Images(1, image.getHeight(), width, channels, pixels);
  }

  public int count() {
    return count;
  }

  public int height() {
    return height;
  }

  public int width() {
    return width;
  }

  /** 1 for grey images, 3 for red, green and blue. */
  public int channels() {
    return channels;
  }

  /** All values, [N,H,W,C]: these images' own array, not a copy. */
  public float[] pixels() {
    return pixels;
  }

  /** One value. */
  public float get(int image, int row, int column, int channel) {
    requireIndex("image", image, count);
    requireIndex("row", row, height);
    requireIndex("column", column, width);
    requireIndex("channel", channel, channels);
    return pixels[((image * height + row) * width + column) * channels + channel];
  }

  /** Images first to first + count - 1, copied. */
  public Images slice(int first, int count) {
    if (first < 0 || count < 1 || first > this.count - count) {
      throw new InvalidArgumentException(
          "slice of "
              + count
              + " from "
              + first
              + " does not lie within the "
              + this.count
              + " images");
    }
    int size = height * width * channels;
    return new Images(
        count,
        height,
        width,
        channels,
        Arrays.copyOfRange(pixels, first * size, (first + count) * size));
  }

  /**
   * All values as bytes, [N,H,W,C]: round(255 clamp(x/2 + 0.5, 0, 1)), halves to even, as diffusers
   * does.
   */
  public byte[] bytes() {
    byte[] bytes = new byte[pixels.length];
    for (int i = 0; i < bytes.length; i++) {
      float unit = Math.max(0, Math.min(1, pixels[i] / 2 + 0.5f));
      bytes[i] = (byte) (int) Math.rint(unit * 255);
    }
    return bytes;
  }

  /** The images as files of bytes hold them: each value is {@code b/127.5 - 1} of its byte b. */
  public Images quantized() {
    byte[] bytes = bytes();
    float[] values = new float[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      values[i] = (bytes[i] & 0xff) / 127.5f - 1;
    }
    return new Images(count, height, width, channels, values);
  }

  /**
   * One image, grey or RGB.
   *
   * @throws InvalidArgumentException if there are neither 1 nor 3 channels
   */
  public BufferedImage image(int i) {
    return slice(i, 1).grid(1, 1);
  }

  /**
   * All images in about as many rows as columns, see {@link #grid(int, int)}; small ones are
   * enlarged.
   */
  public BufferedImage grid() {
    return Grid.draw(this, Grid.squareColumns(count), Grid.legibleScale(this));
  }

  /**
   * All images in one picture, row by row, with small gaps between.
   *
   * @param columns images in a row, at least 1
   * @param scale each pixel becomes scale × scale pixels, at least 1
   * @throws InvalidArgumentException if there are neither 1 nor 3 channels
   */
  public BufferedImage grid(int columns, int scale) {
    requirePositive("columns", columns);
    requirePositive("scale", scale);
    return Grid.draw(this, columns, scale);
  }

  /** Writes {@link #grid()} as a PNG file; missing parent folders are made. */
  public void saveGrid(Path file) {
    Png.write(file, grid());
  }

  /** Writes {@link #grid(int, int)} as a PNG file; missing parent folders are made. */
  public void saveGrid(Path file, int columns, int scale) {
    Png.write(file, grid(columns, scale));
  }

  /**
   * Writes each image as a PNG file of its own: 00000.png, 00001.png, ... Missing folders are made.
   */
  public void save(Path folder) {
    for (int i = 0; i < count; i++) {
      Png.write(folder.resolve(String.format("%05d.png", i)), image(i));
    }
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new InvalidArgumentException(name + " is " + value + ", expected at least 1");
    }
  }

  private static void requireIndex(String name, int value, int bound) {
    if (value < 0 || value >= bound) {
      throw new InvalidArgumentException(name + " is " + value + ", expected 0 to " + (bound - 1));
    }
  }

  /** For example {@code Images[64,28,28,1]}. */
  @Override
  public String toString() {
    return "Images[" + count + "," + height + "," + width + "," + channels + "]";
  }
}
