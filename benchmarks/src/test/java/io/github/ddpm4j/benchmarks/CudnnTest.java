package io.github.ddpm4j.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DeviceException;
import io.github.ddpm4j.benchmarks.peer.Cudnn;
import io.github.ddpm4j.ops.AttentionOps;
import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Convolutions and attention beside cuDNN's, in the same memory and stream of a GPU. Operands of
 * convolutions are small whole numbers, whose products and sums are exact in every precision and
 * order, so results must be the same.
 *
 * <p>Needs a GPU, a build with {@code -Pgpu}, and cuDNN installed where JavaCPP finds it.
 */
@Tag("gpu")
class CudnnTest {
  private static Device device;
  private static Cudnn cudnn;

  private final Random random = new Random(5);

  /** Before each, so that reports have the reason for each test that is skipped. */
  @BeforeEach
  void open() {
    assumeTrue(Device.cudaCount() > 0, Device.cudaStatus());
    device = Device.cuda(0);
    assumeFalse(device.name().startsWith("SIMT"), "the device is run on the CPU");
    if (cudnn == null) {
      try {
        cudnn = Cudnn.open(device);
      } catch (DeviceException e) {
        abort(e.getMessage());
      }
    }
  }

  @AfterAll
  static void close() {
    if (cudnn != null) {
      cudnn.close();
    }
  }

  static Stream<Arguments> convolutions() {
    return Stream.of(
        Arguments.of(Shape.of(2, 28, 28, 32), 32, Window.square(3).padding(1)),
        Arguments.of(Shape.of(3, 14, 14, 64), 48, Window.square(3).padding(1).stride(2)),
        Arguments.of(Shape.of(1, 16, 16, 256), 128, Window.square(1)),
        Arguments.of(Shape.of(2, 9, 7, 5), 3, Window.square(5).padding(2)));
  }

  @ParameterizedTest
  @MethodSource("convolutions")
  void convolvesAsCudnnDoes(Shape input, int channels, Window window) {
    try (Scope scope = Scope.open(device)) {
      Tensor x = scope.tensor(input, whole(input));
      Shape weights = Shape.of(channels, window.height(), window.width(), input.dim(3));
      Tensor w = scope.tensor(weights, whole(weights));
      Tensor expected = scope.allocate(window.output(input, channels));
      cudnn.convolution(x, w, window, expected, true).run();
      Tensor y = ConvolutionOps.conv2d(x, w, null, null, null, window);
      assertThat(y.toArray()).containsExactly(expected.toArray());
    }
  }

  @ParameterizedTest
  @CsvSource({"2, 49, 4, 32", "1, 256, 1, 256", "3, 17, 2, 8"})
  void attendsAsCudnnDoes(int n, int tokens, int heads, int dim) {
    Shape shape = Shape.of(n, tokens, heads * dim);
    float[][] of = {normal(shape), normal(shape), normal(shape)};
    AttentionReference truth =
        AttentionReference.of(n, tokens, heads, dim, of[0], of[1], of[2], null, false);
    AttentionReference plain =
        AttentionReference.of(n, tokens, heads, dim, of[0], of[1], of[2], null, true);
    try (Scope scope = Scope.open(device)) {
      Tensor[] x = tensors(scope, shape, of);
      Tensor expected = scope.allocate(shape);
      cudnn.attention(x[0], x[1], x[2], heads, expected).run();
      Tensor o = AttentionOps.attention(x[0], x[1], x[2], heads);
      assertClose(o.toArray(), expected.toArray(), truth.o(), plain.o());
    }
  }

  @Test
  void gradientsOfAttentionAreCudnns() {
    int n = 2, tokens = 64, dim = 128;
    Shape shape = Shape.of(n, tokens, dim);
    float[][] of = {normal(shape), normal(shape), normal(shape), normal(shape)};
    AttentionReference truth =
        AttentionReference.of(n, tokens, 1, dim, of[0], of[1], of[2], of[3], false);
    AttentionReference plain =
        AttentionReference.of(n, tokens, 1, dim, of[0], of[1], of[2], of[3], true);
    try (Scope scope = Scope.recording(device)) {
      Tensor[] x = tensors(scope, shape, of);
      Tensor o = scope.allocate(shape);
      Tensor dq = scope.allocate(shape);
      Tensor dk = scope.allocate(shape);
      Tensor dv = scope.allocate(shape);
      cudnn.attentionAndGradients(x[0], x[1], x[2], o, x[3], dq, dk, dv).run();
      for (int i = 0; i < 3; i++) {
        x[i].requireGradient();
      }
      Tensor ours = AttentionOps.attention(x[0], x[1], x[2], 1);
      scope.tape().backward(ours, x[3]);
      assertClose(ours.toArray(), o.toArray(), truth.o(), plain.o());
      assertClose(x[0].gradient().toArray(), dq.toArray(), truth.dq(), plain.dq());
      assertClose(x[1].gradient().toArray(), dk.toArray(), truth.dk(), plain.dk());
      assertClose(x[2].gradient().toArray(), dv.toArray(), truth.dv(), plain.dv());
    }
  }

  /** Each may be off by twice what a plain float32 implementation is; and by a last rounding. */
  static void assertClose(float[] a, float[] b, double[] truth, double[] plain) {
    double error = 0, difference = 0, largest = 0;
    for (int i = 0; i < truth.length; i++) {
      error = Math.max(error, Math.abs(plain[i] - truth[i]));
      difference = Math.max(difference, Math.abs((double) a[i] - b[i]));
      largest = Math.max(largest, Math.abs(truth[i]));
    }
    assertThat(difference).isLessThanOrEqualTo(4 * error + Math.ulp((float) largest));
  }

  private static Tensor[] tensors(Scope scope, Shape shape, float[][] values) {
    return Stream.of(values).map(v -> scope.tensor(shape, v)).toArray(Tensor[]::new);
  }

  private float[] whole(Shape shape) {
    return floats(shape, () -> random.nextInt(9) - 4);
  }

  private float[] normal(Shape shape) {
    return floats(shape, random::nextGaussian);
  }

  private static float[] floats(Shape shape, DoubleSupplier next) {
    float[] values = new float[Math.toIntExact(shape.count())];
    IntStream.range(0, values.length).forEach(i -> values[i] = (float) next.getAsDouble());
    return values;
  }
}
