package io.github.ddpm4j.unet.layers;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * All parameters of a network, in one run of memory: an optimiser step, an average or a norm over
 * them is one op.
 *
 * <p>Layers {@linkplain #create create} their parameters while a network is being built; {@link
 * #allocate} then gives them memory. Closing frees it; closing twice is harmless.
 */
public final class Parameters implements AutoCloseable {
  /**
   * Floats between the starts of neighbouring parameters are a multiple of this, one cache line.
   */
  private static final int ALIGNMENT = 16;

  private final Map<String, Parameter> byName = new LinkedHashMap<>();
  private Scope scope;
  private Tensor values;
  private Tensor gradients;
  private boolean closed;

  /** Adds a parameter; see {@link Path} for how layers come by their names. */
  Parameter create(String name, Shape shape, Parameter.Layout layout, Initializer initializer) {
    if (values != null) {
      throw new InvalidArgumentException("parameter " + name + " comes after memory was allocated");
    }
    Parameter parameter = new Parameter(name, shape, layout, initializer);
    if (byName.put(name, parameter) != null) {
      throw new InvalidArgumentException("there are two parameters named " + name);
    }
    return parameter;
  }

  /** The place in the tree of names where a network puts its outermost layers. */
  public Path root() {
    return new Path(this, "");
  }

  /**
   * A place in the tree of names, as {@code down_blocks.0.resnets.1}: layers create their
   * parameters at one.
   */
  public static final class Path {
    private final Parameters parameters;
    private final String prefix;

    private Path(Parameters parameters, String prefix) {
      this.parameters = parameters;
      this.prefix = prefix;
    }

    /** The place of a part of the layer. */
    public Path sub(String name) {
      return new Path(parameters, prefix + name + ".");
    }

    /** The place of element i of a list of parts. */
    public Path sub(String name, int i) {
      return sub(name + "." + i);
    }

    /** The name of this place, as in {@code down_blocks.0.resnets.1}. */
    public String name() {
      return prefix.isEmpty() ? prefix : prefix.substring(0, prefix.length() - 1);
    }

    public Parameter create(String name, Shape shape, Initializer initializer) {
      return create(name, shape, Parameter.Layout.PLAIN, initializer);
    }

    public Parameter create(
        String name, Shape shape, Parameter.Layout layout, Initializer initializer) {
      return parameters.create(prefix + name, shape, layout, initializer);
    }
  }

  /**
   * Gives all parameters memory on a device; contents are undefined until loaded or {@linkplain
   * #initialize initialised}. Ops keep packed copies of them until gradients are required: while
   * training, every step would make them void.
   */
  public void allocate(Device device) {
    long total =
        byName.values().stream().mapToLong(parameter -> aligned(parameter.shape().count())).sum();
    if (total > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "the network has " + total + " parameters, expected at most " + Integer.MAX_VALUE);
    }
    scope = Scope.open(device);
    values = scope.zeros(Shape.of((int) total)).keepPacked(true);
    for (Map.Entry<Parameter, Tensor> view : views(values).entrySet()) {
      view.getKey().value = view.getValue();
    }
  }

  /** Sets all parameters to their first values. The same seed gives the same network. */
  public void initialize(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (Parameter parameter : byName.values()) {
      float[] first = new float[Math.toIntExact(parameter.shape().count())];
      // A stream of its own for each parameter: adding one does not change the others' values.
      parameter
          .initializer()
          .fill(first, new SplittableRandom(random.nextLong() ^ parameter.name().hashCode()));
      parameter.value().copyFrom(first);
    }
  }

  /**
   * Asks for gradients from now on. They are added up in {@link #gradients} until that is cleared.
   */
  public void requireGradients() {
    if (gradients == null) {
      values.keepPacked(false);
      gradients = scope.zeros(values.shape());
      views(gradients)
          .forEach((parameter, gradient) -> parameter.value().requireGradient(gradient));
    }
  }

  /** All values, one after the other, with zeros between for alignment. */
  public Tensor values() {
    return values;
  }

  /** All gradients, laid out as {@link #values}; null before {@link #requireGradients}. */
  public Tensor gradients() {
    return gradients;
  }

  /**
   * A new tensor of zeros laid out as {@link #values} that lives as long as the parameters: an
   * average or a moment.
   */
  public Tensor companion() {
    return scope.zeros(values.shape());
  }

  /** Views of each parameter's part of a tensor that is laid out as {@link #values}. */
  public Map<Parameter, Tensor> views(Tensor flat) {
    Map<Parameter, Tensor> views = new LinkedHashMap<>();
    int start = 0;
    for (Parameter parameter : byName.values()) {
      int count = Math.toIntExact(parameter.shape().count());
      views.put(parameter, flat.slice(start, count).reshape(parameter.shape()));
      start += (int) aligned(count);
    }
    return views;
  }

  /** The parameters in the order in which they were created. */
  public List<Parameter> list() {
    return Collections.unmodifiableList(new ArrayList<>(byName.values()));
  }

  /** The parameter of a name, or null. */
  public Parameter get(String name) {
    return byName.get(name);
  }

  /** Number of learned numbers. */
  public long count() {
    return byName.values().stream().mapToLong(parameter -> parameter.shape().count()).sum();
  }

  private static long aligned(long count) {
    return (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  @Override
  public void close() {
    if (scope != null && !closed) {
      closed = true;
      values.keepPacked(false);
      scope.close();
    }
  }
}
