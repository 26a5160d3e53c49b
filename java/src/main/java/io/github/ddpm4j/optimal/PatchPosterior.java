package io.github.ddpm4j.optimal;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.List;

/**
 * The optimal denoiser over patches: what is cut from all images of a data set at some windows of
 * one size. Patches are small images, so all that is known of the optimal denoiser holds.
 */
final class PatchPosterior implements AutoCloseable {
  /** A rectangle within an image. */
  record Window(int top, int left, int height, int width) {}

  private final List<Window> windows;
  private final int imageWidth;
  private final int channels;
  private final OptimalDenoiser denoiser;

  private PatchPosterior(
      List<Window> windows, int imageWidth, int channels, OptimalDenoiser denoiser) {
    this.windows = windows;
    this.imageWidth = imageWidth;
    this.channels = channels;
    this.denoiser = denoiser;
  }

  /**
   * @param windows of one size, at least one
   * @throws InvalidArgumentException if the patches are too many for an array
   */
  static PatchPosterior over(ImageDataset data, NoiseSchedule schedule, List<Window> windows) {
    Window first = windows.get(0);
    int row = first.width() * data.channels();
    long patches = (long) data.count() * windows.size();
    long bytes = patches * first.height() * row;
    if (bytes > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException(
          "the patches of "
              + data
              + " take "
              + bytes
              + " bytes, expected less than 2^31: take the first images only, or smaller patches");
    }
    byte[] pixels = new byte[(int) bytes];
    int to = 0;
    byte[] image = new byte[data.imageSize()];
    for (int i = 0; i < data.count(); i++) {
      data.copyPixels(i, image, 0);
      for (Window window : windows) {
        for (int y = 0; y < window.height(); y++) {
          int from = ((window.top() + y) * data.width() + window.left()) * data.channels();
          System.arraycopy(image, from, pixels, to, row);
          to += row;
        }
      }
    }
    ImageDataset all =
        new ImageDataset(
            (int) patches, first.height(), first.width(), data.channels(), pixels, null);
    return new PatchPosterior(
        windows, data.width(), data.channels(), OptimalDenoiser.over(all, schedule));
  }

  List<Window> windows() {
    return windows;
  }

  long bytes() {
    return denoiser.bytes();
  }

  /**
   * The mean of the patches that each window of each noisy image may come from.
   *
   * @param xt [N,H,W,C]
   * @param pixels all of xt
   * @return [N,windows,h,w,C]
   */
  float[] means(Tensor xt, float[] pixels, double t) {
    Window first = windows.get(0);
    int row = first.width() * channels;
    int images = xt.dim(0);
    int imageSize = pixels.length / images;
    Shape shape =
        Shape.of(
            Math.multiplyExact(images, windows.size()), first.height(), first.width(), channels);
    float[] patches = new float[Math.toIntExact(shape.count())];
    int to = 0;
    for (int n = 0; n < images; n++) {
      for (Window window : windows) {
        for (int y = 0; y < window.height(); y++) {
          int from = n * imageSize + ((window.top() + y) * imageWidth + window.left()) * channels;
          System.arraycopy(pixels, from, patches, to, row);
          to += row;
        }
      }
    }
    try (Scope scope = Scope.open(xt.device())) {
      return denoiser.x0(scope.tensor(shape, patches), t).toArray();
    }
  }

  @Override
  public void close() {
    denoiser.close();
  }
}
