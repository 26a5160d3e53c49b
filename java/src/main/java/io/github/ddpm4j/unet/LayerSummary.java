package io.github.ddpm4j.unet;

/**
 * One line of a network's summary.
 *
 * @param name the layer's name, which its parameters' names start with
 * @param height height of its output; width and channels likewise
 * @param inputs numbers that it reads of one image
 * @param parameters number of learned numbers
 * @param macs multiplications for one image
 */
public record LayerSummary(
    String name, int height, int width, int channels, long inputs, long parameters, long macs) {
  /** Numbers that it writes for one image. */
  public long outputs() {
    return (long) height * width * channels;
  }

  /** Bytes that it moves at least, for a batch: its input, its output, and its parameters once. */
  public long bytes(int images) {
    return Float.BYTES * (images * (inputs + outputs()) + parameters);
  }
}
