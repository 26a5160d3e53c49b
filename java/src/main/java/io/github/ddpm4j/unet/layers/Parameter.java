package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/** A learned tensor of a network, named as in its checkpoint. */
public final class Parameter {
  /** How a parameter's memory relates to its layout in checkpoints. */
  public enum Layout {
    /** The same. */
    PLAIN,
    /** Memory [K,R,S,C], checkpoint [K,C,R,S]: convolution weights. */
    CONVOLUTION
  }

  private final String name;
  private final Shape shape;
  private final Layout layout;
  private final Initializer initializer;
  Tensor value;

  Parameter(String name, Shape shape, Layout layout, Initializer initializer) {
    this.name = name;
    this.shape = shape;
    this.layout = layout;
    this.initializer = initializer;
  }

  public String name() {
    return name;
  }

  /** Shape in memory. */
  public Shape shape() {
    return shape;
  }

  /** Shape in checkpoints. */
  public Shape checkpointShape() {
    return layout == Layout.PLAIN
        ? shape
        : Shape.of(shape.dim(0), shape.dim(3), shape.dim(1), shape.dim(2));
  }

  public Layout layout() {
    return layout;
  }

  Initializer initializer() {
    return initializer;
  }

  /** The values, in the network's memory. */
  public Tensor value() {
    if (value == null) {
      throw new ClosedException("parameter " + name + " belongs to a network without memory yet");
    }
    return value;
  }

  /** Values in the order of memory, from those in the order of checkpoints. */
  public float[] fromCheckpoint(float[] values) {
    return transposed(values, channels(), kernelPixels());
  }

  /** Values in the order of checkpoints, from those in the order of memory. */
  public float[] toCheckpoint(float[] values) {
    return transposed(values, kernelPixels(), channels());
  }

  private int channels() {
    return layout == Layout.PLAIN ? 1 : shape.dim(3);
  }

  private int kernelPixels() {
    return layout == Layout.PLAIN ? 1 : shape.dim(1) * shape.dim(2);
  }

  /** Transposes each of the matrices of rows x columns that values hold one after the other. */
  private static float[] transposed(float[] values, int rows, int columns) {
    if (rows == 1 || columns == 1) {
      return values;
    }
    float[] result = new float[values.length];
    int size = rows * columns;
    for (int start = 0; start < values.length; start += size) {
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          result[start + column * rows + row] = values[start + row * columns + column];
        }
      }
    }
    return result;
  }
}
