package io.github.ddpm4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** An input that is joined and normalised by the convolution, beside one that is in memory. */
class ConvolutionInputTest {
  private static Tensor random(Scope scope, Random random, int... dims) {
    Shape shape = Shape.of(dims);
    float[] values = new float[(int) shape.count()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return scope.tensor(shape, values);
  }

  /** Few channels of output, or a window of one, make the device decline a normalisation. */
  @Property(tries = 200)
  void aConvolutionOfItHasTheBitsOfOneOfItsTensor(@ForAll long seed) {
    Random random = new Random(seed);
    int n = 1 + random.nextInt(3), h = 1 + random.nextInt(12), w = 1 + random.nextInt(12);
    int groups = 1 + random.nextInt(4);
    int channels = groups * (4 + random.nextInt(12)), k = 1 + random.nextInt(40);
    int fromSkip = random.nextBoolean() ? 0 : 1 + random.nextInt(channels - 1);
    Window window = random.nextBoolean() ? Window.square(3).padding(1) : Window.square(1);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = random(scope, random, n, h, w, channels - fromSkip);
      Tensor skip = fromSkip == 0 ? null : random(scope, random, n, h, w, fromSkip);
      ConvolutionInput input = new ConvolutionInput(x, skip, null);
      if (random.nextInt(4) > 0) {
        Tensor modulation = random.nextBoolean() ? null : random(scope, random, n, 2 * channels);
        input =
            input.with(
                new ConvolutionInput.Norm(
                    random(scope, random, channels),
                    random(scope, random, channels),
                    modulation,
                    groups,
                    1e-5f,
                    random.nextBoolean()));
      }
      Tensor weights = random(scope, random, k, window.height(), window.width(), channels);
      Tensor bias = random.nextBoolean() ? null : random(scope, random, k);
      Tensor imageBias = random.nextBoolean() ? null : random(scope, random, n, k);
      Tensor residual = random.nextBoolean() ? null : random(scope, random, n, h, w, k);
      assertThat(ConvolutionOps.conv2d(input, weights, bias, imageBias, residual, window).toArray())
          .isEqualTo(
              ConvolutionOps.conv2d(input.tensor(), weights, bias, imageBias, residual, window)
                  .toArray());
    }
  }

  @Test
  void joinsAtOnceWhereATapeRecords() {
    for (boolean recording : new boolean[] {false, true}) {
      try (Scope scope = recording ? Scope.recording(Device.cpu()) : Scope.open(Device.cpu())) {
        Tensor x = scope.zeros(Shape.of(1, 2, 2, 3));
        ConvolutionInput joined = ConvolutionInput.join(x, scope.zeros(Shape.of(1, 2, 2, 5)));
        assertThat(joined.skip() == null).isEqualTo(recording);
        assertThat(joined.tensor().shape()).isEqualTo(Shape.of(1, 2, 2, 8));
      }
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = scope.zeros(Shape.of(1, 4, 4, 6)), ten = scope.zeros(Shape.of(10));
      Tensor skip = scope.zeros(Shape.of(1, 4, 4, 4));
      assertThatThrownBy(() -> new ConvolutionInput(x, scope.zeros(Shape.of(1, 4, 2, 4)), null))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("skip has shape");
      ConvolutionInput joined = ConvolutionInput.join(x, skip);
      assertThatThrownBy(() -> joined.with(new ConvolutionInput.Norm(ten, ten, null, 4, 1, true)))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("10 is not divisible by 4");
      Tensor six = scope.zeros(Shape.of(6));
      assertThatThrownBy(() -> joined.with(new ConvolutionInput.Norm(six, ten, null, 5, 1, true)))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("gamma has shape");
      Tensor weights = scope.zeros(Shape.of(2, 1, 1, 6));
      assertThatThrownBy(
              () -> ConvolutionOps.conv2d(joined, weights, null, null, null, Window.square(1)))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("w has shape");
      ConvolutionInput.Norm noEps = new ConvolutionInput.Norm(ten, ten, null, 5, 0, true);
      Tensor fit = scope.zeros(Shape.of(16, 3, 3, 10));
      Window window = Window.square(3).padding(1);
      assertThatThrownBy(
              () -> ConvolutionOps.conv2d(joined.with(noEps), fit, null, null, null, window))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("eps is 0");
    }
  }
}
