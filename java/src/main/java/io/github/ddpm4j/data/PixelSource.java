package io.github.ddpm4j.data;

/** Where the images of a data set are. */
@FunctionalInterface
interface PixelSource {
  /** Writes the H·W·C bytes of an image from a place in an array on. */
  void copy(int image, byte[] out, int at);
}
