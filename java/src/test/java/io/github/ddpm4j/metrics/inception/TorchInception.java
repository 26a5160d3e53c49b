package io.github.ddpm4j.metrics.inception;

import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.metrics.inception.InceptionV3.Variant;
import io.github.ddpm4j.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Inception-v3 in libtorch, batch norms on their own, written down layer by layer. Without weights
 * it makes them up: each layer of a new name gets random ones.
 */
final class TorchInception {
  private static final long[] ONE = {1, 1};

  private final Variant variant;
  private final Random random;
  private final Map<String, Safetensors.Array> arrays = new LinkedHashMap<>();
  private final Map<String, Tensor> layers = new LinkedHashMap<>();

  TorchInception(Variant variant, long seed) {
    this.variant = variant;
    random = new Random(seed);
    torch.set_num_threads(1);
  }

  /** The weights by name, as checkpoints have them; after a pass. */
  Map<String, Safetensors.Array> arrays() {
    return arrays;
  }

  /** Outputs by name, [N,C,H,W]; after a pass. */
  Map<String, Tensor> layers() {
    return layers;
  }

  private Tensor weight(String name, double mean, double deviation, int... shape) {
    Shape size = Shape.of(shape);
    Safetensors.Array array =
        arrays.computeIfAbsent(
            name,
            key -> {
              float[] values = new float[(int) size.count()];
              for (int i = 0; i < values.length; i++) {
                values[i] = (float) (mean + deviation * (2 * random.nextDouble() - 1));
              }
              return new Safetensors.Array(size, values);
            });
    return tensor(array.values(), shape);
  }

  static Tensor tensor(float[] values, int... shape) {
    long[] sizes = new long[shape.length];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = shape[i];
    }
    try (FloatPointer pointer = new FloatPointer(values)) {
      return torch.from_blob(pointer, sizes).clone();
    }
  }

  private Tensor unit(Tensor x, String name, int out, int kh, int kw, int stride, int ph, int pw) {
    int in = (int) x.size(1);
    Tensor w = weight(name + ".conv.weight", 0, Math.sqrt(6.0 / (in * kh * kw)), out, in, kh, kw);
    Tensor h =
        torch.conv2d(
            x, w, new TensorOptional(), new long[] {stride, stride}, new long[] {ph, pw}, ONE, 1);
    Tensor normed =
        torch.batch_norm(
            h,
            new TensorOptional(weight(name + ".bn.weight", 1, 0.3, out)),
            new TensorOptional(weight(name + ".bn.bias", 0, 0.2, out)),
            new TensorOptional(weight(name + ".bn.running_mean", 0, 0.2, out)),
            new TensorOptional(weight(name + ".bn.running_var", 1, 0.5, out)),
            false,
            0.1,
            0.001,
            false);
    return torch.relu(normed);
  }

  private Tensor square(Tensor x, String name, int out, int kernel, int stride, int padding) {
    return unit(x, name, out, kernel, kernel, stride, padding, padding);
  }

  private Tensor point(Tensor x, String name, int out) {
    return square(x, name, out, 1, 1, 0);
  }

  private Tensor row(Tensor x, String name, int out, int length) {
    return unit(x, name, out, 1, length, 1, 0, length / 2);
  }

  private Tensor column(Tensor x, String name, int out, int length) {
    return unit(x, name, out, length, 1, 1, length / 2, 0);
  }

  private static Tensor maxPool(Tensor x, int stride, int padding) {
    return torch.max_pool2d(
        x,
        new long[] {3, 3},
        new long[] {stride, stride},
        new long[] {padding, padding},
        ONE,
        false);
  }

  private Tensor averagePool(Tensor x) {
    boolean countPadding = variant == Variant.TORCHVISION;
    return torch.avg_pool2d(
        x, new long[] {3, 3}, ONE, ONE, false, countPadding, new LongOptional());
  }

  private static Tensor cat(Tensor... parts) {
    return torch.cat(new TensorVector(parts), 1);
  }

  private Tensor note(String name, Tensor output) {
    layers.put(name, output);
    return output;
  }

  /** x [N,3,H,W] gives logits. */
  Tensor forward(Tensor x) {
    Tensor h = note("Conv2d_1a_3x3", square(x, "Conv2d_1a_3x3", 32, 3, 2, 0));
    h = note("Conv2d_2a_3x3", square(h, "Conv2d_2a_3x3", 32, 3, 1, 0));
    h = note("Conv2d_2b_3x3", square(h, "Conv2d_2b_3x3", 64, 3, 1, 1));
    h = note("maxpool1", maxPool(h, 2, 0));
    h = note("Conv2d_3b_1x1", point(h, "Conv2d_3b_1x1", 80));
    h = note("Conv2d_4a_3x3", square(h, "Conv2d_4a_3x3", 192, 3, 1, 0));
    h = note("maxpool2", maxPool(h, 2, 0));
    h = a(h, "Mixed_5b", 32);
    h = a(h, "Mixed_5c", 64);
    h = a(h, "Mixed_5d", 64);
    h = b(h, "Mixed_6a");
    h = c(h, "Mixed_6b", 128);
    h = c(h, "Mixed_6c", 160);
    h = c(h, "Mixed_6d", 160);
    h = c(h, "Mixed_6e", 192);
    h = d(h, "Mixed_7a");
    h = e(h, "Mixed_7b", averagePool(h));
    h = e(h, "Mixed_7c", variant == Variant.FID ? maxPool(h, 1, 1) : averagePool(h));
    Tensor features = note("features", h.mean(new long[] {2, 3}, false, typeOptional()));
    int classes = variant == Variant.FID ? 1008 : 1000;
    Tensor w = weight("fc.weight", 0, 0.05, classes, 2048);
    Tensor bias = weight("fc.bias", 0, 0.05, classes);
    TensorOptional kept = variant == Variant.FID ? new TensorOptional() : new TensorOptional(bias);
    return note("logits", torch.linear(features, w, kept));
  }

  private static ScalarTypeOptional typeOptional() {
    return new ScalarTypeOptional();
  }

  private Tensor a(Tensor x, String at, int pool) {
    Tensor five = square(point(x, at + ".branch5x5_1", 48), at + ".branch5x5_2", 64, 5, 1, 2);
    Tensor three = point(x, at + ".branch3x3dbl_1", 64);
    three = square(three, at + ".branch3x3dbl_2", 96, 3, 1, 1);
    three = square(three, at + ".branch3x3dbl_3", 96, 3, 1, 1);
    Tensor pooled = point(averagePool(x), at + ".branch_pool", pool);
    return note(at, cat(point(x, at + ".branch1x1", 64), five, three, pooled));
  }

  private Tensor b(Tensor x, String at) {
    Tensor three = point(x, at + ".branch3x3dbl_1", 64);
    three = square(three, at + ".branch3x3dbl_2", 96, 3, 1, 1);
    three = square(three, at + ".branch3x3dbl_3", 96, 3, 2, 0);
    return note(at, cat(square(x, at + ".branch3x3", 384, 3, 2, 0), three, maxPool(x, 2, 0)));
  }

  private Tensor c(Tensor x, String at, int c7) {
    Tensor seven = point(x, at + ".branch7x7_1", c7);
    seven = row(seven, at + ".branch7x7_2", c7, 7);
    seven = column(seven, at + ".branch7x7_3", 192, 7);
    Tensor twice = point(x, at + ".branch7x7dbl_1", c7);
    twice = column(twice, at + ".branch7x7dbl_2", c7, 7);
    twice = row(twice, at + ".branch7x7dbl_3", c7, 7);
    twice = column(twice, at + ".branch7x7dbl_4", c7, 7);
    twice = row(twice, at + ".branch7x7dbl_5", 192, 7);
    Tensor pooled = point(averagePool(x), at + ".branch_pool", 192);
    return note(at, cat(point(x, at + ".branch1x1", 192), seven, twice, pooled));
  }

  private Tensor d(Tensor x, String at) {
    Tensor three = square(point(x, at + ".branch3x3_1", 192), at + ".branch3x3_2", 320, 3, 2, 0);
    Tensor seven = point(x, at + ".branch7x7x3_1", 192);
    seven = row(seven, at + ".branch7x7x3_2", 192, 7);
    seven = column(seven, at + ".branch7x7x3_3", 192, 7);
    seven = square(seven, at + ".branch7x7x3_4", 192, 3, 2, 0);
    return note(at, cat(three, seven, maxPool(x, 2, 0)));
  }

  private Tensor e(Tensor x, String at, Tensor pooled) {
    Tensor three = point(x, at + ".branch3x3_1", 384);
    Tensor twice = point(x, at + ".branch3x3dbl_1", 448);
    twice = square(twice, at + ".branch3x3dbl_2", 384, 3, 1, 1);
    return note(
        at,
        cat(
            point(x, at + ".branch1x1", 320),
            row(three, at + ".branch3x3_2a", 384, 3),
            column(three, at + ".branch3x3_2b", 384, 3),
            row(twice, at + ".branch3x3dbl_3a", 384, 3),
            column(twice, at + ".branch3x3dbl_3b", 384, 3),
            point(pooled, at + ".branch_pool", 192)));
  }
}
