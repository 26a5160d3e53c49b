package io.github.ddpm4j.unet;

import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.unet.layers.Parameter;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Layers in libtorch, over the weights of one of our networks: an independent implementation in
 * float32 or double. Pictures are [N,C,H,W] here.
 */
abstract class TorchNetwork {
  private static final long[] ONE = {1, 1};

  private final torch.ScalarType type;
  private final Map<String, Tensor> weights = new LinkedHashMap<>();

  /** Outputs of layers in the last pass. */
  private final Map<String, Tensor> layers = new LinkedHashMap<>();

  TorchNetwork(Parameters parameters, torch.ScalarType type) {
    this.type = type;
    torch.set_num_threads(1);
    for (Parameter parameter : parameters.list()) {
      float[] values = parameter.toCheckpoint(parameter.value().toArray());
      weights.put(parameter.name(), tensor(values, parameter.checkpointShape().toArray()));
    }
  }

  TorchNetwork(Map<String, Safetensors.Array> arrays, torch.ScalarType type) {
    this.type = type;
    torch.set_num_threads(1);
    arrays.forEach(
        (name, array) -> weights.put(name, tensor(array.values(), array.shape().toArray())));
  }

  /** Outputs of layers in the last pass, by name, in their order. */
  final Map<String, Tensor> layers() {
    return layers;
  }

  /** Notes the output of a layer; gives it back. */
  final Tensor note(String layer, Tensor output) {
    layers.put(layer, output);
    return output;
  }

  /** Predicts from [N,C,H,W], [N] and labels or null. */
  abstract Tensor forward(Tensor x, Tensor t, Tensor labels);

  /** Weights by name. */
  Map<String, Tensor> weights() {
    return weights;
  }

  /** A tensor of this network's type. */
  final Tensor tensor(float[] values, int... shape) {
    long[] sizes = new long[shape.length];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = shape[i];
    }
    try (FloatPointer pointer = new FloatPointer(values)) {
      return torch.from_blob(pointer, sizes).clone().to(type);
    }
  }

  /** Pictures [N,H,W,C] as [N,C,H,W]. */
  final Tensor pictures(float[] values, int n, int h, int w, int c) {
    return tensor(values, n, h, w, c).permute(0, 3, 1, 2).contiguous();
  }

  static double[] values(Tensor tensor) {
    Tensor dense = tensor.detach().to(torch.ScalarType.Double).contiguous();
    double[] values = new double[Math.toIntExact(dense.numel())];
    new DoublePointer(dense.data_ptr_double()).get(values);
    return values;
  }

  /** Pictures [N,C,H,W] as an array of [N,H,W,C]. */
  static double[] pictureValues(Tensor pictures) {
    return values(pictures.permute(0, 2, 3, 1));
  }

  final boolean has(String layer) {
    return weights.containsKey(layer + ".weight");
  }

  final Tensor conv(Tensor x, String layer, int stride, int padding) {
    return torch.conv2d(
        x,
        weight(layer),
        bias(layer),
        new long[] {stride, stride},
        new long[] {padding, padding},
        ONE,
        1);
  }

  final Tensor convTranspose(Tensor x, String layer, int stride, int padding) {
    return torch.conv_transpose2d(
        x,
        weight(layer),
        bias(layer),
        new long[] {stride, stride},
        new long[] {padding, padding},
        new long[] {0, 0},
        1,
        ONE);
  }

  final Tensor linear(Tensor x, String layer) {
    return torch.linear(x, weight(layer), bias(layer));
  }

  final Tensor norm(Tensor x, String layer, int groups, double eps) {
    return torch.group_norm(x, groups, new TensorOptional(weight(layer)), bias(layer), eps, false);
  }

  final Tensor timeEmbedding(Tensor sinusoids, String layer) {
    return linear(torch.silu(linear(sinusoids, layer + ".linear_1")), layer + ".linear_2");
  }

  /**
   * sin and cos of t f_k. Diffusers computes them in float32 whatever the type of the network: t
   * f_k, up to a thousand radians, is rounded.
   */
  final Tensor sinusoids(Tensor t, int dim, boolean flip, double freqShift) {
    int half = dim / 2;
    float[] steps = new float[half];
    for (int k = 0; k < half; k++) {
      steps[k] = k;
    }
    Tensor exponents =
        tensor(steps, half)
            .to(torch.ScalarType.Float)
            .mul(new Scalar(-Math.log(10000)))
            .div(new Scalar(half - freqShift));
    Tensor angles =
        t.to(torch.ScalarType.Float).unsqueeze(1).mul(torch.exp(exponents).unsqueeze(0));
    Tensor sin = torch.sin(angles), cos = torch.cos(angles);
    return torch.cat(flip ? new TensorVector(cos, sin) : new TensorVector(sin, cos), 1).to(type);
  }

  /**
   * Pre-norm attention as diffusers': without the product of softmax and values fused, in one head
   * after the other.
   */
  final Tensor attention(Tensor x, String layer, int headDim, int groups, double eps) {
    long n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    Tensor normed = groups == 0 ? x : norm(x, layer + ".group_norm", groups, eps);
    Tensor tokens = normed.reshape(n, c, h * w).transpose(1, 2);
    Tensor q = heads(linear(tokens, layer + ".to_q"), c / headDim);
    Tensor k = heads(linear(tokens, layer + ".to_k"), c / headDim);
    Tensor v = heads(linear(tokens, layer + ".to_v"), c / headDim);
    Scalar scale = new Scalar(1 / Math.sqrt((double) headDim));
    Tensor weights = torch.softmax(torch.matmul(q, k.transpose(2, 3)).mul(scale), 3);
    Tensor mixed =
        torch.matmul(weights, v).transpose(1, 2).reshape(n, h * w, c / headDim * headDim);
    return linear(mixed, layer + ".to_out.0").transpose(1, 2).reshape(n, c, h, w).add(x);
  }

  private static Tensor heads(Tensor tokens, long heads) {
    return tokens
        .reshape(tokens.size(0), tokens.size(1), heads, tokens.size(2) / heads)
        .transpose(1, 2);
  }

  static Tensor concat(Tensor a, Tensor b) {
    return torch.cat(new TensorVector(a, b), 1);
  }

  static Tensor nearest(Tensor x) {
    return torch.upsample_nearest2d(x, 2 * x.size(2), 2 * x.size(3));
  }

  static Tensor bilinear(Tensor x) {
    return torch.upsample_bilinear2d(x, new long[] {2 * x.size(2), 2 * x.size(3)}, false);
  }

  static Tensor maxPool(Tensor x) {
    return torch.max_pool2d(x, 2, 2);
  }

  static Tensor averagePool(Tensor x) {
    return torch.avg_pool2d(
        x,
        new long[] {2, 2},
        new long[] {2, 2},
        new long[] {0, 0},
        false,
        true,
        new LongOptional());
  }

  static Tensor divide(Tensor x, double divisor) {
    return x.div(new Scalar(divisor));
  }

  final Tensor weight(String layer) {
    return weights.get(layer + ".weight");
  }

  private TensorOptional bias(String layer) {
    return new TensorOptional(weights.get(layer + ".bias"));
  }
}
