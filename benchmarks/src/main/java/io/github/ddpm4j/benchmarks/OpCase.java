package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.benchmarks.peer.Layout;
import io.github.ddpm4j.benchmarks.peer.OnnxRuntime;
import io.github.ddpm4j.benchmarks.peer.PeerLayers;
import io.github.ddpm4j.benchmarks.peer.TorchLayers;
import io.github.ddpm4j.benchmarks.peer.Weights;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;

/** Builds the case of one op over random operands; pictures are [N,H,W,C], tokens [N,T,C]. */
final class OpCase {
  private static final double TOLERANCE = 2e-5;

  /** An op on a peer's layers. */
  interface Peer {
    <T> T apply(PeerLayers<T> on, List<T> x);
  }

  private final Scope scope = Scope.open(Device.cpu());
  private final Tensor[] inputs;
  private final Map<String, Tensor> weights = new LinkedHashMap<>();
  private final Map<String, Weights.Array> arrays = new LinkedHashMap<>();
  private long seed;

  OpCase(Shape... shapes) {
    inputs = Arrays.stream(shapes).map(this::random).toArray(Tensor[]::new);
  }

  private Tensor random(Shape shape) {
    // Noise is per image: one image of all numbers.
    Tensor flat = scope.allocate(Shape.of(1, Math.toIntExact(shape.count())));
    return Noise.philox(++seed).fill(flat, 0).reshape(shape);
  }

  /** Adds a weight; those of convolutions are [K,R,S,C]. */
  OpCase weight(String name, Shape shape) {
    Tensor weight = random(shape);
    weights.put(name, weight);
    int[] s = shape.toArray();
    arrays.put(
        name,
        s.length == 4
            ? new Weights.Array(
                Layout.toNchw(weight.toArray(), s[0], s[1], s[2], s[3]), s[0], s[3], s[1], s[2])
            : new Weights.Array(weight.toArray(), s));
    return this;
  }

  /**
   * @param ours makes the output of inputs and weights by name
   */
  Case open(
      double flop,
      double outputs,
      BiFunction<Tensor[], Function<String, Tensor>, Tensor> ours,
      Peer peer) {
    double operands = outputs;
    for (Tensor input : inputs) {
      operands += input.count();
    }
    for (Tensor weight : weights.values()) {
      operands += weight.count();
    }
    List<Contender> contenders = new ArrayList<>();
    contenders.add(new Ours(ours));
    for (TorchLayers.Mode mode : TorchLayers.Mode.values()) {
      contenders.add(new Torch(mode, peer));
    }
    contenders.add(new Onnx(peer));
    return new Case(Device.cpu(), flop, Float.BYTES * operands, TOLERANCE, contenders, scope);
  }

  private final class Ours implements Contender {
    private final BiFunction<Tensor[], Function<String, Tensor>, Tensor> op;

    Ours(BiFunction<Tensor[], Function<String, Tensor>, Tensor> op) {
      this.op = op;
    }

    @Override
    public String name() {
      return "ddpm4j";
    }

    private Tensor apply(Scope to) {
      Tensor[] x = Arrays.stream(inputs).map(input -> input.in(to)).toArray(Tensor[]::new);
      return op.apply(x, weights::get);
    }

    @Override
    public void run() {
      try (Scope inner = Scope.open(Device.cpu())) {
        apply(inner);
      }
    }

    @Override
    public float[] result() {
      try (Scope inner = Scope.open(Device.cpu())) {
        return apply(inner).toArray();
      }
    }

    @Override
    public void close() {}
  }

  private final class Torch implements Contender {
    private final TorchLayers.Mode mode;
    private final TorchLayers layers;
    private final List<org.bytedeco.pytorch.Tensor> x = new ArrayList<>();
    private final Peer op;

    Torch(TorchLayers.Mode mode, Peer op) {
      this.mode = mode;
      this.op = op;
      layers = new TorchLayers(new Weights(arrays), mode);
      for (Tensor input : inputs) {
        int[] s = input.shape().toArray();
        x.add(
            s.length == 4
                ? layers.pictures(input.toArray(), s[0], s[1], s[2], s[3])
                : layers.tensor(input.toArray(), s));
      }
    }

    @Override
    public String name() {
      return mode.title;
    }

    @Override
    public void run() {
      try (PointerScope inner = new PointerScope();
          NoGradGuard guard = new NoGradGuard()) {
        op.apply(layers, x);
      }
    }

    @Override
    public float[] result() {
      try (PointerScope inner = new PointerScope();
          NoGradGuard guard = new NoGradGuard()) {
        return TorchLayers.values(op.apply(layers, x));
      }
    }

    @Override
    public void close() {}
  }

  private final class Onnx implements Contender {
    private final OnnxRuntime runtime;
    private int[] shape;

    Onnx(Peer op) {
      Map<String, int[]> shapes = new LinkedHashMap<>();
      Map<String, float[]> values = new LinkedHashMap<>();
      for (int i = 0; i < inputs.length; i++) {
        int[] s = inputs[i].shape().toArray();
        float[] array = inputs[i].toArray();
        shapes.put("x" + i, s.length == 4 ? new int[] {s[0], s[3], s[1], s[2]} : s);
        values.put("x" + i, s.length == 4 ? Layout.toNchw(array, s[0], s[1], s[2], s[3]) : array);
      }
      runtime =
          new OnnxRuntime(
              new Weights(arrays),
              Device.threads(),
              shapes,
              (layers, input) -> {
                var output = op.apply(layers, shapes.keySet().stream().map(input).toList());
                shape = output.shape();
                return output;
              });
      values.forEach((name, array) -> runtime.set(name, array, shapes.get(name)));
    }

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public void run() {
      runtime.run();
    }

    @Override
    public float[] result() {
      float[] values = runtime.result();
      return shape.length == 4
          ? Layout.toNhwc(values, shape[0], shape[2], shape[3], shape[1])
          : values;
    }

    @Override
    public void close() {
      runtime.close();
    }
  }
}
