package io.github.ddpm4j.benchmarks.peer;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Layers of libtorch, run at once. */
public final class TorchLayers implements PeerLayers<Tensor> {
  /** Ways to ask libtorch for the same. Which is the fastest depends on the network. */
  public enum Mode {
    CONTIGUOUS("libtorch"),
    CHANNELS_LAST("libtorch-nhwc"),
    /** Linear maps of tokens as 1x1 convolutions: oneDNN's products in place of OpenBLAS'. */
    CONVOLUTIONS("libtorch-nhwc-1x1");

    public final String title;

    Mode(String title) {
      this.title = title;
    }
  }

  private static final long[] ONE = {1, 1};

  private final Mode mode;
  private final torch.ScalarType type;
  private final Map<String, Tensor> weights = new LinkedHashMap<>();
  private final Map<String, TensorOptional> biases = new LinkedHashMap<>();

  public TorchLayers(Weights weights, Mode mode) {
    this(weights, mode, torch.ScalarType.Float);
  }

  /** Layers whose weights, inputs and all between have a type. */
  public TorchLayers(Weights weights, Mode mode, torch.ScalarType type) {
    this.mode = mode;
    this.type = type;
    weights
        .arrays()
        .forEach(
            (name, array) -> {
              Tensor tensor = tensor(array.values(), array.shape());
              this.weights.put(name, tensor);
              if (array.shape().length == 1) {
                biases.put(name, new TensorOptional(tensor));
              }
            });
  }

  /** Weights by name. */
  public Map<String, Tensor> weights() {
    return weights;
  }

  /** A copy, in this mode's order if it has four dimensions. */
  public Tensor tensor(float[] values, int... shape) {
    long[] sizes = new long[shape.length];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = shape[i];
    }
    return part(
        () -> ordered(torch.from_blob(new FloatPointer(values), sizes).clone().toType(type)));
  }

  private Tensor ordered(Tensor x) {
    return mode == Mode.CONTIGUOUS || x.dim() != 4
        ? x
        : x.contiguous(torch.MemoryFormat.ChannelsLast);
  }

  /** Pictures [N,H,W,C] as [N,C,H,W]. */
  public Tensor pictures(float[] values, int n, int h, int w, int c) {
    long[] sizes = {n, h, w, c};
    return part(
        () ->
            ordered(
                torch
                    .from_blob(new FloatPointer(values), sizes)
                    .permute(0, 3, 1, 2)
                    .contiguous()
                    .clone()
                    .toType(type)));
  }

  /** All elements; pictures [N,C,H,W] as [N,H,W,C]. */
  public static float[] values(Tensor x) {
    try (PointerScope scope = new PointerScope()) {
      Tensor dense =
          (x.dim() == 4 ? x.permute(0, 2, 3, 1) : x)
              .detach()
              .toType(torch.ScalarType.Float)
              .contiguous();
      float[] values = new float[Math.toIntExact(dense.numel())];
      dense.data_ptr_float().get(values);
      return values;
    }
  }

  @Override
  public Tensor part(Supplier<Tensor> work) {
    Tensor result;
    try (PointerScope scope = new PointerScope()) {
      result = work.get();
      result.retainReference();
    }
    // It lives as long as the scope that is left now, or until it is closed.
    PointerScope outer = PointerScope.getInnerScope();
    if (outer != null) {
      outer.attach(result);
      result.releaseReference();
    }
    return result;
  }

  @Override
  public boolean has(String layer) {
    return weights.containsKey(layer + ".weight");
  }

  @Override
  public Tensor conv(Tensor x, String layer, int stride, int... padding) {
    int top = padding[0], left = padding[1], bottom = padding[2], right = padding[3];
    boolean even = top == bottom && left == right;
    return torch.conv2d(
        even ? x : torch.constant_pad_nd(x, left, right, top, bottom),
        weights.get(layer + ".weight"),
        biases.get(layer + ".bias"),
        new long[] {stride, stride},
        even ? new long[] {top, left} : new long[] {0, 0},
        ONE,
        1);
  }

  @Override
  public Tensor linear(Tensor x, String layer) {
    Tensor weight = weights.get(layer + ".weight");
    TensorOptional bias = biases.get(layer + ".bias");
    if (mode != Mode.CONVOLUTIONS || x.dim() != 3) {
      return torch.linear(x, weight, bias);
    }
    Tensor column = x.transpose(1, 2).unsqueeze(3);
    Tensor window = weight.unsqueeze(2).unsqueeze(3);
    long[] zero = {0, 0};
    return torch.conv2d(column, window, bias, ONE, zero, ONE, 1).squeeze(3).transpose(1, 2);
  }

  @Override
  public Tensor groupNorm(Tensor x, String layer, int groups, double eps) {
    return torch.group_norm(
        x, groups, biases.get(layer + ".weight"), biases.get(layer + ".bias"), eps, false);
  }

  @Override
  public Tensor silu(Tensor x) {
    return torch.silu(x);
  }

  @Override
  public Tensor add(Tensor a, Tensor b) {
    return a.add(b);
  }

  @Override
  public Tensor addToPixels(Tensor pictures, Tensor vectors) {
    return pictures.add(vectors.unsqueeze(2).unsqueeze(3));
  }

  @Override
  public Tensor concat(Tensor a, Tensor b) {
    return torch.cat(new TensorVector(a, b), 1);
  }

  @Override
  public Tensor upsample(Tensor x) {
    return torch.upsample_nearest2d(x, 2 * x.size(2), 2 * x.size(3));
  }

  @Override
  public Tensor sinusoids(Tensor t, int dim, boolean flip, int freqShift) {
    int half = dim / 2;
    Tensor exponents =
        torch.arange(new Scalar(half)).mul(new Scalar(-Math.log(10000) / (half - freqShift)));
    Tensor angles = t.unsqueeze(1).mul(torch.exp(exponents).unsqueeze(0));
    Tensor sin = torch.sin(angles), cos = torch.cos(angles);
    return torch
        .cat(flip ? new TensorVector(cos, sin) : new TensorVector(sin, cos), 1)
        .toType(type);
  }

  @Override
  public Tensor tokens(Tensor pictures) {
    long n = pictures.size(0), c = pictures.size(1);
    return pictures.reshape(n, c, -1).transpose(1, 2);
  }

  @Override
  public Tensor pictures(Tensor tokens, Tensor like) {
    return tokens.transpose(1, 2).reshape(like.size(0), tokens.size(2), like.size(2), like.size(3));
  }

  @Override
  public Tensor attention(Tensor q, Tensor k, Tensor v, int heads) {
    long n = q.size(0), tokens = q.size(1), channels = q.size(2);
    Scalar scale = new Scalar(1 / Math.sqrt((double) channels / heads));
    Tensor scores = torch.matmul(split(q, heads).mul(scale), split(k, heads).transpose(-2, -1));
    Tensor mixed = torch.matmul(torch.softmax(scores, -1), split(v, heads));
    return heads == 1 ? mixed : mixed.transpose(1, 2).reshape(n, tokens, channels);
  }

  private static Tensor split(Tensor x, int heads) {
    return heads == 1
        ? x
        : x.reshape(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
  }
}
