package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.benchmarks.peer.Cudnn;
import io.github.ddpm4j.ops.AttentionOps;
import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/** Single ops on the first CUDA device beside cuDNN's, in the same memory and stream. */
final class CudnnCases {
  private static final double TOLERANCE = 2e-5;

  private CudnnCases() {}

  static void addTo(Map<String, Supplier<Case>> cases) {
    Map<String, int[]> convolutions = Shapes.read("convolution.txt", 13);
    for (String name : List.of("mnist_28", "cifar_32", "cifar_16", "cifar_8", "shortcut_1x1")) {
      cases.put("cudnn-conv-" + name + "-f32", () -> convolution(convolutions.get(name)));
    }
    Map<String, int[]> attentions = Shapes.read("attention.txt", 4);
    for (String name : List.of("guide_28", "cifar_16", "wide")) {
      cases.put("cudnn-attention-" + name + "-f32", () -> attention(attentions.get(name)));
    }
  }

  private static Case convolution(int[] s) {
    Cudnn peer = Cudnn.open(Device.cuda(0));
    Scope scope = Scope.open(Device.cuda(0));
    Window window = new Window(s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12]);
    Tensor x = random(scope, 1, Shape.of(s[0], s[1], s[2], s[3]));
    Tensor w = random(scope, 2, Shape.of(s[4], s[5], s[6], s[3]));
    Tensor y = scope.allocate(window.output(x.shape(), s[4]));
    return new Case(
        scope.device(),
        2.0 * y.count() * s[5] * s[6] * s[3],
        Float.BYTES * (double) (x.count() + w.count() + y.count()),
        TOLERANCE,
        List.of(
            new Ours(
                scope, to -> ConvolutionOps.conv2d(x.in(to), w.in(to), null, null, null, window)),
            new Theirs(scope, peer.convolution(x, w, window, y, false), y)),
        memory(peer, scope));
  }

  private static Case attention(int[] s) {
    Cudnn peer = Cudnn.open(Device.cuda(0));
    Scope scope = Scope.open(Device.cuda(0));
    Shape shape = Shape.of(s[0], s[1], s[2] * s[3]);
    Tensor q = random(scope, 1, shape);
    Tensor k = random(scope, 2, shape);
    Tensor v = random(scope, 3, shape);
    Tensor o = scope.allocate(shape);
    return new Case(
        scope.device(),
        4.0 * shape.count() * s[1],
        Float.BYTES * 4.0 * shape.count(),
        TOLERANCE,
        List.of(
            new Ours(scope, to -> AttentionOps.attention(q.in(to), k.in(to), v.in(to), s[2])),
            new Theirs(scope, peer.attention(q, k, v, s[2], o), o)),
        memory(peer, scope));
  }

  private static AutoCloseable memory(Cudnn peer, Scope scope) {
    return () -> {
      scope.close();
      peer.close();
    };
  }

  private static Tensor random(Scope scope, long seed, Shape shape) {
    // Noise is per image: one image of all numbers.
    Tensor flat = scope.allocate(Shape.of(1, Math.toIntExact(shape.count())));
    return Noise.philox(seed).fill(flat, 0).reshape(shape);
  }

  /** The op, waited for. */
  private record Ours(Scope scope, Function<Scope, Tensor> op) implements Contender {
    @Override
    public String name() {
      return "ddpm4j";
    }

    @Override
    public void run() {
      try (Scope inner = Scope.open(scope.device())) {
        op.apply(inner);
        scope.device().synchronize();
      }
    }

    @Override
    public float[] result() {
      try (Scope inner = Scope.open(scope.device())) {
        return op.apply(inner).toArray();
      }
    }

    @Override
    public void close() {}
  }

  private record Theirs(Scope scope, Runnable op, Tensor output) implements Contender {
    @Override
    public String name() {
      return "cudnn";
    }

    @Override
    public void run() {
      op.run();
      scope.device().synchronize();
    }

    @Override
    public float[] result() {
      op.run();
      return output.toArray();
    }

    @Override
    public void close() {}
  }
}
