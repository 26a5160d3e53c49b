package io.github.ddpm4j.data;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A set of images of one size as bytes, [N,H,W,C] in row-major order: in memory, or in files that
 * are mapped to it. Byte b stands for the value b/127.5 - 1 in [-1, 1].
 */
public final class ImageDataset {
  private static final float HALF_RANGE = 127.5f;

  private final int count;
  private final int height;
  private final int width;
  private final int channels;
  private final PixelSource source;
  private final byte[] pixels;
  private final byte[] labels;

  /**
   * @param count N, at least 1, like all sizes
   * @param pixels N·H·W·C unsigned bytes, of which no copy is made
   * @param labels N unsigned bytes, of which no copy is made, or null
   */
  public ImageDataset(
      int count, int height, int width, int channels, byte[] pixels, byte[] labels) {
    this(count, height, width, channels, null, pixels, labels);
    long expected =
        Math.multiplyExact(
            Math.multiplyExact((long) count, height), Math.multiplyExact((long) width, channels));
    if (pixels.length != expected) {
      throw new InvalidArgumentException(
          pixels.length + " pixel bytes given, expected " + expected);
    }
  }

  /** A data set that is not in memory. */
  ImageDataset(int count, int height, int width, int channels, PixelSource source, byte[] labels) {
    this(count, height, width, channels, source, null, labels);
  }

  private ImageDataset(
      int count,
      int height,
      int width,
      int channels,
      PixelSource source,
      byte[] pixels,
      byte[] labels) {
    if (count < 1 || height < 1 || width < 1 || channels < 1) {
      throw new InvalidArgumentException(
          "images are ["
              + count
              + ","
              + height
              + ","
              + width
              + ","
              + channels
              + "], expected sizes of at least 1");
    }
    if (labels != null && labels.length != count) {
      throw new InvalidArgumentException(labels.length + " labels given, expected " + count);
    }
    this.count = count;
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.pixels = pixels;
    this.source =
        source != null
            ? source
            : (image, out, at) ->
                System.arraycopy(pixels, image * imageSize(), out, at, imageSize());
    this.labels = labels;
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

  public int channels() {
    return channels;
  }

  /** Values in an image, H·W·C. */
  public int imageSize() {
    return height * width * channels;
  }

  /**
   * All pixels as unsigned bytes, [N,H,W,C]: the data set's own array, or a copy if it is not in
   * memory.
   */
  public byte[] pixels() {
    return pixels != null ? pixels : copyOf(IntStream.range(0, count).toArray());
  }

  /**
   * The pixels of an image as unsigned bytes.
   *
   * @param out receives [H,W,C] from index at on
   */
  public void copyPixels(int image, byte[] out, int at) {
    requireIndex(image);
    source.copy(image, out, at);
  }

  public boolean hasLabels() {
    return labels != null;
  }

  /**
   * Class of an image, 0 to 255.
   *
   * @throws InvalidArgumentException if the data set has no labels, or no such image
   */
  public int label(int i) {
    if (labels == null) {
      throw new InvalidArgumentException("the data set has no labels");
    }
    requireIndex(i);
    return labels[i] & 0xff;
  }

  /** The first n images with their labels, copied. */
  public ImageDataset first(int n) {
    if (n < 1 || n > count) {
      throw new InvalidArgumentException("number of images is " + n + ", expected 1 to " + count);
    }
    return new ImageDataset(
        n,
        height,
        width,
        channels,
        copyOf(IntStream.range(0, n).toArray()),
        labels == null ? null : Arrays.copyOf(labels, n));
  }

  /**
   * The images of one class, copied.
   *
   * @throws InvalidArgumentException if there are none, or no labels
   */
  public ImageDataset ofClass(int label) {
    int[] indices = IntStream.range(0, count).filter(i -> label(i) == label).toArray();
    if (indices.length == 0) {
      throw new InvalidArgumentException("the data set has no image of class " + label);
    }
    byte[] sameLabels = new byte[indices.length];
    Arrays.fill(sameLabels, (byte) label);
    return new ImageDataset(indices.length, height, width, channels, copyOf(indices), sameLabels);
  }

  private byte[] copyOf(int[] indices) {
    byte[] copy = new byte[Math.multiplyExact(indices.length, imageSize())];
    for (int i = 0; i < indices.length; i++) {
      source.copy(indices[i], copy, i * imageSize());
    }
    return copy;
  }

  /** Indices of all images in a random order; the same seed gives the same one. */
  public int[] order(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  /** Some of the images, as values in [-1, 1]. */
  public Images images(int... indices) {
    float[] values = new float[Math.multiplyExact(indices.length, imageSize())];
    batch(indices, values);
    return new Images(indices.length, height, width, channels, values);
  }

  /**
   * Some of the images, as values in [-1, 1].
   *
   * @param indices of n images; an image may come several times
   * @param out receives [n,H,W,C]
   */
  public void batch(int[] indices, float[] out) {
    batch(indices, new boolean[indices.length], out);
  }

  /**
   * Some of the images, as values in [-1, 1], flipped or not.
   *
   * @param indices of n images; an image may come several times
   * @param flips for each of the n images, whether left and right change places
   * @param out receives [n,H,W,C]
   */
  public void batch(int[] indices, boolean[] flips, float[] out) {
    int size = imageSize();
    if (flips.length != indices.length || out.length != (long) indices.length * size) {
      throw new InvalidArgumentException(
          "room for "
              + out.length
              + " values and "
              + flips.length
              + " flips given for "
              + indices.length
              + " images, expected "
              + (long) indices.length * size
              + " and "
              + indices.length);
    }
    byte[] image = new byte[size];
    for (int i = 0; i < indices.length; i++) {
      copyPixels(indices[i], image, 0);
      copy(image, flips[i], out, i * size);
    }
  }

  private void copy(byte[] image, boolean flip, float[] out, int to) {
    int row = width * channels;
    for (int p = 0; p < imageSize(); p += channels) {
      int column = p % row;
      int source = flip ? p - column + (row - channels - column) : p;
      for (int c = 0; c < channels; c++) {
        out[to + p + c] = (image[source + c] & 0xff) / HALF_RANGE - 1;
      }
    }
  }

  private void requireIndex(int i) {
    if (i < 0 || i >= count) {
      throw new InvalidArgumentException("image is " + i + ", expected 0 to " + (count - 1));
    }
  }

  /** For example {@code ImageDataset[60000,28,28,1]}. */
  @Override
  public String toString() {
    return "ImageDataset[" + count + "," + height + "," + width + "," + channels + "]";
  }
}
