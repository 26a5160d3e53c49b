package io.github.ddpm4j.benchmarks.peer;

import io.github.ddpm4j.benchmarks.peer.OnnxGraph.Value;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/** Layers as ONNX operators, as PyTorch's exporter writes them. */
public final class OnnxLayers implements PeerLayers<Value> {
  private final OnnxGraph graph = new OnnxGraph();
  private final Weights weights;
  private final Map<String, Value> constants = new HashMap<>();

  public OnnxLayers(Weights weights) {
    this.weights = weights;
  }

  OnnxGraph graph() {
    return graph;
  }

  private Value weight(String name) {
    return constants.computeIfAbsent(
        name,
        key -> {
          Weights.Array array = weights.arrays().get(key);
          return graph.constant(array.values(), array.shape());
        });
  }

  private Value number(float value) {
    return graph.constant(new float[] {value}, 1);
  }

  @Override
  public boolean has(String layer) {
    return weights.arrays().containsKey(layer + ".weight");
  }

  @Override
  public Value conv(Value x, String layer, int stride, int... padding) {
    Value weight = weight(layer + ".weight");
    int[] window = {weight.shape()[2], weight.shape()[3]};
    int[] shape = {
      x.shape()[0],
      weight.shape()[0],
      (x.shape()[2] + padding[0] + padding[2] - window[0]) / stride + 1,
      (x.shape()[3] + padding[1] + padding[3] - window[1]) / stride + 1
    };
    return graph.add(
        "Conv",
        shape,
        attributes ->
            attributes
                .set("kernel_shape", window)
                .set("strides", stride, stride)
                .set("pads", padding),
        x,
        weight,
        weight(layer + ".bias"));
  }

  @Override
  public Value linear(Value x, String layer) {
    Value bias = weight(layer + ".bias");
    if (x.shape().length == 2) {
      return graph.add(
          "Gemm",
          new int[] {x.shape()[0], bias.shape()[0]},
          attributes -> attributes.set("transB", 1L),
          x,
          weight(layer + ".weight"),
          bias);
    }
    Value transposed =
        constants.computeIfAbsent(layer, key -> transposed(weights.arrays().get(key + ".weight")));
    int[] shape = {x.shape()[0], x.shape()[1], bias.shape()[0]};
    return graph.add("Add", shape, graph.add("MatMul", shape, x, transposed), bias);
  }

  private Value transposed(Weights.Array matrix) {
    int rows = matrix.shape()[0], columns = matrix.shape()[1];
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i % columns * rows + i / columns] = matrix.values()[i];
    }
    return graph.constant(values, columns, rows);
  }

  /** InstanceNormalization of a group's pixels in a row, then scale and shift of channels. */
  @Override
  public Value groupNorm(Value x, String layer, int groups, double eps) {
    int n = x.shape()[0], c = x.shape()[1], pixels = x.shape()[2] * x.shape()[3];
    float[] ones = new float[groups];
    Arrays.fill(ones, 1);
    Value rows = graph.reshape(x, n, groups, c / groups * pixels);
    Value normed =
        graph.add(
            "InstanceNormalization",
            rows.shape(),
            attributes -> attributes.set("epsilon", (float) eps),
            rows,
            graph.constant(ones, groups),
            graph.constant(new float[groups], groups));
    Value scaled =
        graph.add("Mul", x.shape(), graph.reshape(normed, x.shape()), channels(layer + ".weight"));
    return graph.add("Add", x.shape(), scaled, channels(layer + ".bias"));
  }

  private Value channels(String name) {
    return constants.computeIfAbsent(
        name, key -> graph.constant(weights.arrays().get(key).values(), vectorShape(key)));
  }

  private int[] vectorShape(String name) {
    return new int[] {weights.arrays().get(name).shape()[0], 1, 1};
  }

  @Override
  public Value silu(Value x) {
    return graph.add("Mul", x.shape(), x, graph.add("Sigmoid", x.shape(), x));
  }

  @Override
  public Value add(Value a, Value b) {
    return graph.add("Add", a.shape(), a, b);
  }

  @Override
  public Value addToPixels(Value pictures, Value vectors) {
    int[] shape = vectors.shape();
    return add(pictures, graph.reshape(vectors, shape[0], shape[1], 1, 1));
  }

  @Override
  public Value concat(Value a, Value b) {
    int[] shape = a.shape().clone();
    shape[1] += b.shape()[1];
    return graph.add("Concat", shape, attributes -> attributes.set("axis", 1L), a, b);
  }

  @Override
  public Value upsample(Value x) {
    int[] s = x.shape();
    return graph.add(
        "Resize",
        new int[] {s[0], s[1], 2 * s[2], 2 * s[3]},
        attributes ->
            attributes
                .set("mode", "nearest")
                .set("coordinate_transformation_mode", "asymmetric")
                .set("nearest_mode", "floor"),
        x,
        null,
        graph.constant(new float[] {1, 1, 2, 2}, 4));
  }

  @Override
  public Value sinusoids(Value t, int dim, boolean flip, int freqShift) {
    int half = dim / 2, n = t.shape()[0];
    float[] frequencies = new float[half];
    for (int k = 0; k < half; k++) {
      frequencies[k] = (float) Math.exp(-Math.log(10000) / (half - freqShift) * k);
    }
    int[] shape = {n, half};
    Value angles =
        graph.add("Mul", shape, graph.reshape(t, n, 1), graph.constant(frequencies, 1, half));
    Value sin = graph.add("Sin", shape, angles), cos = graph.add("Cos", shape, angles);
    return flip ? concat(cos, sin) : concat(sin, cos);
  }

  @Override
  public Value tokens(Value pictures) {
    int[] s = pictures.shape();
    return graph.transpose(graph.reshape(pictures, s[0], s[1], s[2] * s[3]), 0, 2, 1);
  }

  @Override
  public Value pictures(Value tokens, Value like) {
    return graph.reshape(graph.transpose(tokens, 0, 2, 1), like.shape());
  }

  @Override
  public Value attention(Value q, Value k, Value v, int heads) {
    int n = q.shape()[0], tokens = q.shape()[1], channels = q.shape()[2];
    float scale = (float) (1 / Math.sqrt((double) channels / heads));
    int[] square =
        heads == 1 ? new int[] {n, tokens, tokens} : new int[] {n, heads, tokens, tokens};
    Value keys = split(k, heads);
    Value turned = heads == 1 ? graph.transpose(keys, 0, 2, 1) : graph.transpose(keys, 0, 1, 3, 2);
    Value queries = split(q, heads);
    Value scaled = graph.add("Mul", queries.shape(), queries, number(scale));
    Value scores = graph.add("MatMul", square, scaled, turned);
    Value softmax = graph.add("Softmax", square, attributes -> attributes.set("axis", -1L), scores);
    Value mixed = graph.add("MatMul", queries.shape(), softmax, split(v, heads));
    return heads == 1
        ? mixed
        : graph.reshape(graph.transpose(mixed, 0, 2, 1, 3), n, tokens, channels);
  }

  private Value split(Value x, int heads) {
    int[] s = x.shape();
    return heads == 1
        ? x
        : graph.transpose(graph.reshape(x, s[0], s[1], heads, s[2] / heads), 0, 2, 1, 3);
  }

  @Override
  public Value part(Supplier<Value> work) {
    return work.get();
  }
}
