package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.ops.AttentionOps;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What {@link CudnnTest} measures by, beside the CPU: where there is no GPU, too. */
class AttentionReferenceTest {
  @Test
  void isWhatTheCpuComputes() {
    int n = 2, tokens = 19, heads = 3, dim = 8;
    Shape shape = Shape.of(n, tokens, heads * dim);
    Random random = new Random(3);
    float[][] of = new float[4][Math.toIntExact(shape.count())];
    for (float[] values : of) {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
    }
    AttentionReference truth =
        AttentionReference.of(n, tokens, heads, dim, of[0], of[1], of[2], of[3], false);
    AttentionReference plain =
        AttentionReference.of(n, tokens, heads, dim, of[0], of[1], of[2], of[3], true);
    try (Scope scope = Scope.recording(Device.cpu())) {
      Tensor q = scope.tensor(shape, of[0]).requireGradient();
      Tensor k = scope.tensor(shape, of[1]).requireGradient();
      Tensor v = scope.tensor(shape, of[2]).requireGradient();
      Tensor o = AttentionOps.attention(q, k, v, heads);
      scope.tape().backward(o, scope.tensor(shape, of[3]));
      check(o, truth.o(), plain.o());
      check(q.gradient(), truth.dq(), plain.dq());
      check(k.gradient(), truth.dk(), plain.dk());
      check(v.gradient(), truth.dv(), plain.dv());
    }
  }

  private static void check(Tensor got, double[] truth, double[] plain) {
    float[] expected = new float[truth.length];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = (float) truth[i];
    }
    CudnnTest.assertClose(got.toArray(), expected, truth, plain);
  }
}
