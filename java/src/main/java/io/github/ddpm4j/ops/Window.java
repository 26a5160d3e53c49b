package io.github.ddpm4j.ops;

import io.github.ddpm4j.tensor.Shape;

/** Window of a convolution or pooling: size, stride and zero padding of each side, in pixels. */
public record Window(
    int height,
    int width,
    int strideH,
    int strideW,
    int padTop,
    int padLeft,
    int padBottom,
    int padRight) {

  /** A size x size window with stride 1 and no padding. */
  public static Window square(int size) {
    return new Window(size, size, 1, 1, 0, 0, 0, 0);
  }

  public Window stride(int stride) {
    return new Window(height, width, stride, stride, padTop, padLeft, padBottom, padRight);
  }

  /** The same padding on all sides. */
  public Window padding(int pad) {
    return padding(pad, pad, pad, pad);
  }

  public Window padding(int top, int left, int bottom, int right) {
    return new Window(height, width, strideH, strideW, top, left, bottom, right);
  }

  /** Shape of the output over an input [N,H,W,C]: {@code [N,OH,OW,channels]}. */
  public Shape output(Shape input, int channels) {
    return Shape.of(
        input.dim(0),
        (input.dim(1) + padTop + padBottom - height) / strideH + 1,
        (input.dim(2) + padLeft + padRight - width) / strideW + 1,
        channels);
  }
}
