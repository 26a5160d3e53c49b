package io.github.ddpm4j.tensor;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Dimensions of a tensor, outermost first, each at least 1. Pictures are {@code [N,H,W,C]}. */
public final class Shape {
  private final int[] dims;
  private final long count;

  private Shape(int[] dims) {
    long product = 1;
    for (int dim : dims) {
      if (dim < 1) {
        throw new InvalidArgumentException(
            "shape " + Arrays.toString(dims) + " has a dimension below 1");
      }
      product = Math.multiplyExact(product, (long) dim);
    }
    this.dims = dims;
    this.count = product;
  }

  public static Shape of(int... dims) {
    return new Shape(dims.clone());
  }

  public int rank() {
    return dims.length;
  }

  /** Dimension i, counted from the end if negative. */
  public int dim(int i) {
    return dims[i < 0 ? dims.length + i : i];
  }

  /** Number of elements. */
  public long count() {
    return count;
  }

  /** This shape with another outermost dimension. */
  public Shape withFirst(int first) {
    int[] changed = dims.clone();
    changed[0] = first;
    return new Shape(changed);
  }

  /** This shape with another innermost dimension. */
  public Shape withLast(int last) {
    int[] changed = dims.clone();
    changed[dims.length - 1] = last;
    return new Shape(changed);
  }

  public int[] toArray() {
    return dims.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape && Arrays.equals(dims, ((Shape) other).dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** For example {@code [64,28,28,1]}. */
  @Override
  public String toString() {
    return Arrays.stream(dims).mapToObj(String::valueOf).collect(Collectors.joining(",", "[", "]"));
  }
}
