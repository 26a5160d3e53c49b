package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * The MNIST data set of handwritten digits, 28×28 grey images with labels 0 to 9, and every other
 * in its format, as Fashion-MNIST. The files may be gzipped or not: {@code
 * train-images-idx3-ubyte.gz} or {@code train-images-idx3-ubyte} and so on. Files that are not are
 * mapped to memory rather than read, and must not change while the data set is in use.
 */
public final class Mnist {
  private static final int SIZE = 28;
  private static final int CLASSES = 10;

  private Mnist() {}

  /**
   * The 60,000 training images.
   *
   * @param folder with the files {@code train-images-idx3-ubyte} and {@code
   *     train-labels-idx1-ubyte}
   * @throws DataFormatException if a file is missing or wrong
   */
  public static ImageDataset train(Path folder) {
    return read(folder, "train");
  }

  /**
   * The 10,000 test images.
   *
   * @param folder with the files {@code t10k-images-idx3-ubyte} and {@code t10k-labels-idx1-ubyte}
   * @throws DataFormatException if a file is missing or wrong
   */
  public static ImageDataset test(Path folder) {
    return read(folder, "t10k");
  }

  private static ImageDataset read(Path folder, String part) {
    IdxFile images = IdxFile.read(DataFiles.find(folder, part + "-images-idx3-ubyte"), SIZE, SIZE);
    IdxFile labels = IdxFile.read(DataFiles.find(folder, part + "-labels-idx1-ubyte"));
    if (labels.count() != images.count()) {
      throw new DataFormatException(
          labels.file(),
          "has " + labels.count() + " labels, expected " + images.count() + ", one for each image");
    }
    byte[] classes = new byte[labels.count()];
    labels.data().get(0, classes);
    for (int i = 0; i < classes.length; i++) {
      int label = classes[i] & 0xff;
      if (label >= CLASSES) {
        throw new DataFormatException(
            labels.file(), "label " + i + " is " + label + ", expected 0 to " + (CLASSES - 1));
      }
    }
    ByteBuffer data = images.data();
    if (data.hasArray()) {
      return new ImageDataset(images.count(), SIZE, SIZE, 1, data.array(), classes);
    }
    int size = SIZE * SIZE;
    return new ImageDataset(
        images.count(),
        SIZE,
        SIZE,
        1,
        (image, out, at) -> data.get(image * size, out, at, size),
        classes);
  }
}
