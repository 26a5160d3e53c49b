package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.benchmarks.peer.PeerLayers;
import io.github.ddpm4j.ops.AttentionOps;
import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.ops.NormalizationOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Shape;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Single ops over the files of benchmarks/shapes. */
final class OpCases {
  private static final float EPS = 1e-5f;

  /** Operations an element: mean and variance 4, normalisation 3, sigmoid and product some 8. */
  private static final double GROUP_NORM_FLOP = 15;

  private OpCases() {}

  static void addTo(Map<String, Supplier<Case>> cases) {
    Shapes.read("convolution.txt", 13)
        .forEach((name, s) -> cases.put("conv-" + name + "-f32", () -> convolution(s)));
    Shapes.read("linear.txt", 3)
        .forEach((name, s) -> cases.put("linear-" + name + "-f32", () -> linear(s)));
    Shapes.read("attention.txt", 4)
        .forEach((name, s) -> cases.put("attention-" + name + "-f32", () -> attention(s)));
    Shapes.read("group_norm.txt", 5)
        .forEach((name, s) -> cases.put("groupnorm-" + name + "-f32", () -> groupNorm(s)));
  }

  private static Case convolution(int[] s) {
    int n = s[0], h = s[1], w = s[2], c = s[3], k = s[4], stride = s[7];
    Window window = new Window(s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12]);
    Shape output = window.output(Shape.of(n, h, w, c), k);
    double outputs = output.count();
    return new OpCase(Shape.of(n, h, w, c))
        .weight("op.weight", Shape.of(k, window.height(), window.width(), c))
        .weight("op.bias", Shape.of(k))
        .open(
            2 * outputs * window.height() * window.width() * c,
            outputs,
            (x, of) ->
                ConvolutionOps.conv2d(
                    x[0], of.apply("op.weight"), of.apply("op.bias"), null, null, window),
            new OpCase.Peer() {
              @Override
              public <T> T apply(PeerLayers<T> on, List<T> x) {
                return on.conv(x.get(0), "op", stride, s[9], s[10], s[11], s[12]);
              }
            });
  }

  private static Case linear(int[] s) {
    int rows = s[0], in = s[1], out = s[2];
    return new OpCase(Shape.of(1, rows, in))
        .weight("op.weight", Shape.of(out, in))
        .weight("op.bias", Shape.of(out))
        .open(
            2.0 * rows * in * out,
            (double) rows * out,
            (x, of) ->
                ConvolutionOps.linear(x[0], of.apply("op.weight"), of.apply("op.bias"), null),
            new OpCase.Peer() {
              @Override
              public <T> T apply(PeerLayers<T> on, List<T> x) {
                return on.linear(x.get(0), "op");
              }
            });
  }

  private static Case attention(int[] s) {
    int n = s[0], tokens = s[1], heads = s[2], channels = s[2] * s[3];
    Shape shape = Shape.of(n, tokens, channels);
    return new OpCase(shape, shape, shape)
        .open(
            4.0 * shape.count() * tokens,
            shape.count(),
            (x, of) -> AttentionOps.attention(x[0], x[1], x[2], heads),
            new OpCase.Peer() {
              @Override
              public <T> T apply(PeerLayers<T> on, List<T> x) {
                return on.attention(x.get(0), x.get(1), x.get(2), heads);
              }
            });
  }

  private static Case groupNorm(int[] s) {
    int c = s[3], groups = s[4];
    Shape shape = Shape.of(s[0], s[1], s[2], c);
    return new OpCase(shape)
        .weight("op.weight", Shape.of(c))
        .weight("op.bias", Shape.of(c))
        .open(
            GROUP_NORM_FLOP * shape.count(),
            shape.count(),
            (x, of) ->
                NormalizationOps.groupNorm(
                    x[0], of.apply("op.weight"), of.apply("op.bias"), null, groups, EPS, true),
            new OpCase.Peer() {
              @Override
              public <T> T apply(PeerLayers<T> on, List<T> x) {
                return on.silu(on.groupNorm(x.get(0), "op", groups, EPS));
              }
            });
  }
}
