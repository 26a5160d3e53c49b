package io.github.ddpm4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import java.nio.FloatBuffer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against libtorch's randn itself. */
class TorchNoiseTest {
  @ParameterizedTest
  @CsvSource({
    "0, 1",
    "0, 2",
    "1, 5",
    "2, 15",
    "3, 16",
    "4, 17",
    "5, 31",
    "6, 32",
    "7, 100",
    "42, 3072",
    "123456789, 784",
    "4294967295, 20",
    "4294967296, 20",
    "-1, 20",
    "9223372036854775807, 100000"
  })
  void numbersAreThoseOfRandn(long seed, int count) {
    torch.manual_seed(seed);
    assertSame(new TorchRandom(seed).normals(count), randn(count));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 99})
  void callsFollowEachOtherAsInPyTorch(long seed) {
    torch.manual_seed(seed);
    TorchRandom random = new TorchRandom(seed);
    // Odd counts below 16 leave half a pair for the next such call, across calls of the other kind.
    for (int count : new int[] {3, 16, 1, 5, 700, 2, 3, 40, 1, 1}) {
      assertSame(random.normals(count), randn(count));
    }
  }

  @Test
  void imagesAreTransposedFromChannelsFirst() {
    int n = 2, c = 3, h = 4, w = 5;
    torch.manual_seed(11);
    float[] expected = randn(n, c, h, w);
    try (Scope scope = Scope.open(Device.cpu())) {
      float[] noise = Noise.torch(11).fill(scope.allocate(Shape.of(n, h, w, c)), 0).toArray();
      float[] transposed = new float[noise.length];
      for (int i = 0; i < noise.length; i++) {
        int channel = i % c, pixel = i / c % (h * w), image = i / (c * h * w);
        transposed[(image * c + channel) * h * w + pixel] = noise[i];
      }
      assertSame(transposed, expected);
    }
  }

  /**
   * PyTorch computes radius and cosine with vectorised float32 functions, each off by up to 2^-24
   * of itself or of 1; ours are rounded correctly. Their product, the radius being below 8, then
   * differs by no more than 8 · 2 · 2^-24.
   */
  private static void assertSame(float[] ours, float[] torchs) {
    assertThat(ours).containsExactly(torchs, within(8 * 0x1p-23f));
  }

  private static float[] randn(long... shape) {
    try (Tensor tensor = torch.randn(shape)) {
      FloatBuffer buffer = tensor.createBuffer();
      float[] values = new float[buffer.remaining()];
      buffer.get(values);
      return values;
    }
  }
}
