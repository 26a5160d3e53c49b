package io.github.ddpm4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NoiseTest {
  private final Scope scope = Scope.open(Device.cpu());

  @AfterEach
  void close() {
    scope.close();
  }

  private float[] fill(Noise noise, int images, int draw) {
    return noise.fill(scope.allocate(Shape.of(images, 5, 5, 3)), draw).toArray();
  }

  @Test
  void philoxGivesAnImageTheSameNoiseInEveryBatch() {
    Noise noise = Noise.philox(7);
    float[] all = fill(noise, 8, 3);
    float[] fromFive = fill(noise.from(5), 2, 3);
    assertThat(fromFive).isEqualTo(java.util.Arrays.copyOfRange(all, 5 * 75, 7 * 75));
    assertThat(fill(noise.from(5).from(0), 8, 3)).isEqualTo(all);
  }

  @Test
  void philoxNoiseDiffersBetweenImagesDrawsAndSeeds() {
    float[] noise = fill(Noise.philox(7), 1, 0);
    assertThat(fill(Noise.philox(7), 1, 0)).isEqualTo(noise);
    assertThat(fill(Noise.philox(8), 1, 0)).isNotEqualTo(noise);
    assertThat(fill(Noise.philox(7), 1, 1)).isNotEqualTo(noise);
    assertThat(fill(Noise.philox(7).from(1), 1, 0)).isNotEqualTo(noise);
  }

  @Test
  void bothSourcesAreStandardNormal() {
    for (Noise noise : new Noise[] {Noise.philox(1), Noise.torch(1)}) {
      float[] values = fill(noise, 1000, 0);
      double sum = 0, squares = 0;
      for (float value : values) {
        sum += value;
        squares += value * value;
      }
      int n = values.length;
      // Five standard errors: 1/√n of the mean, √(2/n) of the variance.
      assertThat(sum / n).isCloseTo(0, within(5 / Math.sqrt(n)));
      assertThat(squares / n).isCloseTo(1, within(5 * Math.sqrt(2.0 / n)));
    }
  }

  @Test
  void torchNoiseGoesOnFromTheLastImageOrBeginsAgain() {
    Noise noise = Noise.torch(7);
    float[] first = fill(noise.from(0), 3, 0);
    float[] second = fill(noise.from(3), 2, 0);
    assertThatThrownBy(() -> noise.from(4))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("is 4")
        .hasMessageContaining("0 or 5");
    assertThat(fill(noise.from(0), 3, 0)).isEqualTo(first);
    assertThat(fill(noise, 2, 1)).isEqualTo(second);
  }

  @Test
  void refusesWhatCannotBe() {
    assertThatThrownBy(() -> Noise.philox(7).from(-1)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Noise.torch(7).fill(scope.allocate(Shape.of(4, 4)), 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("[N,H,W,C]");
  }
}
