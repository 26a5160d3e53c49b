package io.github.ddpm4j.tensor;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;

/**
 * A dense float32 array in native memory, row-major; pictures are {@code [N,H,W,C]}. It lives as
 * long as its {@link Scope}.
 *
 * <p>A tensor is a view: several may share memory ({@link #reshape}, {@link #slice}, {@link #in}).
 */
public final class Tensor {
  private final Scope scope;
  private final Scope owner;
  private final Shape shape;
  private final long memory;
  private final Gradient gradient;

  Tensor(Scope scope, Shape shape, long memory, Gradient gradient) {
    this(scope, scope, shape, memory, gradient);
  }

  private Tensor(Scope scope, Scope owner, Shape shape, long memory, Gradient gradient) {
    this.scope = scope;
    this.owner = owner;
    this.shape = shape;
    this.memory = memory;
    this.gradient = gradient;
  }

  public Shape shape() {
    return shape;
  }

  /** Number of elements. */
  public long count() {
    return shape.count();
  }

  /** Dimension i of the shape, counted from the end if negative. */
  public int dim(int i) {
    return shape.dim(i);
  }

  /** The scope that receives the results of ops on this tensor. */
  public Scope scope() {
    return scope;
  }

  public Device device() {
    return owner.device();
  }

  /**
   * The native reference ({@code ddpm_mem}), for ops.
   *
   * @throws io.github.ddpm4j.ClosedException if the tensor's scope has been closed
   */
  public long memory() {
    owner.ensureOpen();
    return memory;
  }

  /** The same memory, with the results of ops going to another scope. */
  public Tensor in(Scope other) {
    other.ensureOpen();
    return new Tensor(other, owner, shape, memory, gradient);
  }

  /** The same memory in another shape of as many elements. */
  public Tensor reshape(Shape other) {
    if (other.count() != shape.count()) {
      throw new InvalidArgumentException("shape " + shape + " cannot be seen as " + other);
    }
    return new Tensor(scope, owner, other, memory, gradient);
  }

  /**
   * Entries first to first + count - 1 of the outermost dimension, sharing memory. Gradients do not
   * pass.
   */
  public Tensor slice(int first, int count) {
    if (first < 0 || count < 1 || first > dim(0) - count) {
      throw new InvalidArgumentException(
          "slice of "
              + count
              + " from "
              + first
              + " does not lie within the "
              + dim(0)
              + " entries of "
              + shape);
    }
    long stride = shape.count() / dim(0) * Float.BYTES;
    return new Tensor(
        scope, owner, shape.withFirst(count), memory + first * stride, new Gradient());
  }

  /** Copies all elements in. Returns this. */
  public Tensor copyFrom(float[] values) {
    requireLength(values.length);
    Status.check(NativeApi.ddpm_copy_from_host(memory(), values, values.length));
    return this;
  }

  /** Copies all elements of a tensor of the same number of elements. Returns this. */
  public Tensor copyFrom(Tensor source) {
    requireLength(source.count());
    Status.check(NativeApi.ddpm_copy(memory(), source.memory(), count()));
    return this;
  }

  /** Copies all elements out. */
  public void copyTo(float[] values) {
    requireLength(values.length);
    Status.check(NativeApi.ddpm_copy_to_host(values, memory(), values.length));
  }

  /** All elements, in row-major order. */
  public float[] toArray() {
    float[] values = new float[Math.toIntExact(count())];
    copyTo(values);
    return values;
  }

  /** Sets all elements. Returns this. */
  public Tensor fill(float value) {
    Status.check(NativeApi.ddpm_fill(memory(), count(), value));
    return this;
  }

  /**
   * Whether ops keep what they make of weights in this tensor's memory block, packed or
   * transformed, for the next call: a few times the memory for weights that are read more often
   * than written. Any write to the block makes the copies void, so results never depend on it.
   * Returns this.
   */
  public Tensor keepPacked(boolean keep) {
    Status.check(NativeApi.ddpm_keep_packed(memory(), keep ? 1 : 0));
    return this;
  }

  /** Whether gradients flow to this tensor. */
  public boolean requiresGradient() {
    return gradient.required;
  }

  /** Asks for this tensor's gradient. Returns this. */
  public Tensor requireGradient() {
    gradient.required = true;
    return this;
  }

  /**
   * Asks for this tensor's gradient, to be added to the given memory: parameters keep their
   * gradients in one place from step to step. Returns this.
   */
  public Tensor requireGradient(Tensor accumulator) {
    requireLength(accumulator.count());
    gradient.required = true;
    gradient.value = accumulator;
    return this;
  }

  /**
   * The gradient as far as the tape has run, in this tensor's shape, or null if nothing has reached
   * this tensor.
   */
  public Tensor gradient() {
    return gradient.value == null ? null : gradient.value.reshape(shape);
  }

  /**
   * Adds a contribution to the gradient. The first is kept as it is, a further one makes a new sum:
   * contributions may share memory with other gradients and are never written to.
   */
  public void addGradient(Tensor contribution) {
    if (!gradient.required) {
      return;
    }
    requireLength(contribution.count());
    if (gradient.value == null) {
      gradient.value = contribution;
    } else {
      Tensor sum = contribution.scope().allocate(shape);
      Status.check(
          NativeApi.ddpm_add(
              gradient.value.memory(), contribution.memory(), sum.memory(), count()));
      gradient.value = sum;
    }
  }

  private void requireLength(long length) {
    if (length != count()) {
      throw new InvalidArgumentException(
          length + " elements given, expected " + count() + " for shape " + shape);
    }
  }

  @Override
  public String toString() {
    return "Tensor" + shape;
  }
}
