package io.github.ddpm4j.metrics.inception;

import static io.github.ddpm4j.metrics.inception.Layer.branches;
import static io.github.ddpm4j.metrics.inception.Layer.chain;
import static io.github.ddpm4j.metrics.inception.Layer.conv;
import static io.github.ddpm4j.metrics.inception.Layer.maxPool;

import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.unet.layers.Parameters;

/**
 * The five kinds of blocks of Inception-v3 (Szegedy et al., arXiv 1512.00567, figures 5 to 7 and
 * 10), with the names and channels of torchvision's.
 */
final class Blocks {
  static final Window POINT = Window.square(1);
  static final Window HALVE = Window.square(3).stride(2);
  static final Window SAME_3X3 = Window.square(3).padding(1);
  private static final Window SAME_5X5 = Window.square(5).padding(2);
  private static final Window ROW_7 = oblong(1, 7);
  private static final Window COLUMN_7 = oblong(7, 1);
  private static final Window ROW_3 = oblong(1, 3);
  private static final Window COLUMN_3 = oblong(3, 1);

  private Blocks() {}

  private static Window oblong(int height, int width) {
    return new Window(height, width, 1, 1, height / 2, width / 2, height / 2, width / 2);
  }

  /**
   * 35×35 pixels.
   *
   * @param pool a 3×3 pooling
   * @param poolOut channels of the pooling's branch
   */
  static Layer a(Parameters.Path at, int in, Layer pool, int poolOut) {
    return branches(
        conv(at.sub("branch1x1"), in, 64, POINT),
        chain(
            conv(at.sub("branch5x5_1"), in, 48, POINT),
            conv(at.sub("branch5x5_2"), 48, 64, SAME_5X5)),
        chain(
            conv(at.sub("branch3x3dbl_1"), in, 64, POINT),
            conv(at.sub("branch3x3dbl_2"), 64, 96, SAME_3X3),
            conv(at.sub("branch3x3dbl_3"), 96, 96, SAME_3X3)),
        chain(pool, conv(at.sub("branch_pool"), in, poolOut, POINT)));
  }

  /** 35×35 to 17×17 pixels. */
  static Layer b(Parameters.Path at, int in) {
    return branches(
        conv(at.sub("branch3x3"), in, 384, HALVE),
        chain(
            conv(at.sub("branch3x3dbl_1"), in, 64, POINT),
            conv(at.sub("branch3x3dbl_2"), 64, 96, SAME_3X3),
            conv(at.sub("branch3x3dbl_3"), 96, 96, HALVE)),
        maxPool(HALVE));
  }

  /**
   * 17×17 pixels of 768 channels.
   *
   * @param c7 channels between the convolutions of seven pixels
   */
  static Layer c(Parameters.Path at, Layer pool, int c7) {
    int in = 768;
    return branches(
        conv(at.sub("branch1x1"), in, 192, POINT),
        chain(
            conv(at.sub("branch7x7_1"), in, c7, POINT),
            conv(at.sub("branch7x7_2"), c7, c7, ROW_7),
            conv(at.sub("branch7x7_3"), c7, 192, COLUMN_7)),
        chain(
            conv(at.sub("branch7x7dbl_1"), in, c7, POINT),
            conv(at.sub("branch7x7dbl_2"), c7, c7, COLUMN_7),
            conv(at.sub("branch7x7dbl_3"), c7, c7, ROW_7),
            conv(at.sub("branch7x7dbl_4"), c7, c7, COLUMN_7),
            conv(at.sub("branch7x7dbl_5"), c7, 192, ROW_7)),
        chain(pool, conv(at.sub("branch_pool"), in, 192, POINT)));
  }

  /** 17×17 to 8×8 pixels. */
  static Layer d(Parameters.Path at, int in) {
    return branches(
        chain(
            conv(at.sub("branch3x3_1"), in, 192, POINT),
            conv(at.sub("branch3x3_2"), 192, 320, HALVE)),
        chain(
            conv(at.sub("branch7x7x3_1"), in, 192, POINT),
            conv(at.sub("branch7x7x3_2"), 192, 192, ROW_7),
            conv(at.sub("branch7x7x3_3"), 192, 192, COLUMN_7),
            conv(at.sub("branch7x7x3_4"), 192, 192, HALVE)),
        maxPool(HALVE));
  }

  /** 8×8 pixels. */
  static Layer e(Parameters.Path at, int in, Layer pool) {
    return branches(
        conv(at.sub("branch1x1"), in, 320, POINT),
        chain(
            conv(at.sub("branch3x3_1"), in, 384, POINT),
            branches(
                conv(at.sub("branch3x3_2a"), 384, 384, ROW_3),
                conv(at.sub("branch3x3_2b"), 384, 384, COLUMN_3))),
        chain(
            conv(at.sub("branch3x3dbl_1"), in, 448, POINT),
            conv(at.sub("branch3x3dbl_2"), 448, 384, SAME_3X3),
            branches(
                conv(at.sub("branch3x3dbl_3a"), 384, 384, ROW_3),
                conv(at.sub("branch3x3dbl_3b"), 384, 384, COLUMN_3))),
        chain(pool, conv(at.sub("branch_pool"), in, 192, POINT)));
  }
}
