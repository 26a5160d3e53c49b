package io.github.ddpm4j.benchmarks.peer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * A graph of ONNX operators, and the model file of it; field numbers are those of onnx.proto. All
 * shapes are known.
 */
public final class OnnxGraph {
  private static final int IR_VERSION = 10;
  private static final int OPSET = 21;
  private static final int FLOAT = 1;
  private static final int INT64 = 7;

  private final Protobuf graph = new Protobuf().add(2, "graph");
  private int values;

  /** What an operator gives, or an input. */
  public record Value(String name, int... shape) {}

  /** Attributes of an operator. */
  static final class Attributes {
    private final Protobuf node;

    private Attributes(Protobuf node) {
      this.node = node;
    }

    Attributes set(String name, long value) {
      node.add(5, new Protobuf().add(1, name).add(3, value).add(20, 2));
      return this;
    }

    Attributes set(String name, float value) {
      node.add(5, new Protobuf().add(1, name).add(2, value).add(20, 1));
      return this;
    }

    Attributes set(String name, String value) {
      node.add(5, new Protobuf().add(1, name).add(4, value).add(20, 3));
      return this;
    }

    Attributes set(String name, int... values) {
      Protobuf attribute = new Protobuf().add(1, name);
      Arrays.stream(values).forEach(value -> attribute.add(8, value));
      node.add(5, attribute.add(20, 7));
      return this;
    }
  }

  Value input(String name, int... shape) {
    graph.add(11, declaration(name, shape));
    return new Value(name, shape);
  }

  void output(Value value) {
    graph.add(12, declaration(value.name, value.shape));
  }

  private static Protobuf declaration(String name, int... shape) {
    Protobuf dimensions = new Protobuf();
    Arrays.stream(shape).forEach(size -> dimensions.add(1, new Protobuf().add(1, size)));
    Protobuf tensor = new Protobuf().add(1, FLOAT).add(2, dimensions);
    return new Protobuf().add(1, name).add(2, new Protobuf().add(1, tensor));
  }

  Value constant(float[] array, int... shape) {
    ByteBuffer bytes = buffer(array.length * Float.BYTES);
    bytes.asFloatBuffer().put(array);
    return constant(FLOAT, bytes, shape);
  }

  private Value constant(long... array) {
    ByteBuffer bytes = buffer(array.length * Long.BYTES);
    bytes.asLongBuffer().put(array);
    return constant(INT64, bytes, array.length);
  }

  private Value constant(int type, ByteBuffer bytes, int... shape) {
    String name = "c" + values++;
    Protobuf tensor = new Protobuf();
    Arrays.stream(shape).forEach(size -> tensor.add(1, size));
    graph.add(5, tensor.add(2, type).add(8, name).add(9, bytes.array()));
    return new Value(name, shape);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  Value add(String operator, int[] shape, Value... inputs) {
    return add(operator, shape, attributes -> {}, inputs);
  }

  /**
   * Adds an operator.
   *
   * @param shape of what it gives
   * @param inputs null for one that is left out
   */
  Value add(String operator, int[] shape, Consumer<Attributes> attributes, Value... inputs) {
    Value result = new Value("v" + values++, shape);
    Protobuf node = new Protobuf();
    for (Value input : inputs) {
      node.add(1, input == null ? "" : input.name);
    }
    node.add(2, result.name).add(3, result.name).add(4, operator);
    attributes.accept(new Attributes(node));
    graph.add(1, node);
    return result;
  }

  Value reshape(Value x, int... shape) {
    long[] sizes = Arrays.stream(shape).asLongStream().toArray();
    return add("Reshape", shape, x, constant(sizes));
  }

  Value transpose(Value x, int... order) {
    int[] shape = Arrays.stream(order).map(i -> x.shape[i]).toArray();
    return add("Transpose", shape, attributes -> attributes.set("perm", order), x);
  }

  byte[] model() {
    Protobuf opset = new Protobuf().add(1, "").add(2, OPSET);
    return new Protobuf()
        .add(1, IR_VERSION)
        .add(2, "ddpm4j-benchmarks")
        .add(7, graph)
        .add(8, opset)
        .bytes();
  }
}
