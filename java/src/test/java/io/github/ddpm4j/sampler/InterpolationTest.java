package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class InterpolationTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(100, 1e-3, 0.08);
  private static final NoisePredictor HALF = (xt, t) -> PointwiseOps.scale(xt, 0.5f);
  private static final Sampler SAMPLER = Ddim.steps(10).noClip().skipping(4);
  private static final Noise NOISE = Noise.philox(6);

  private final Scope scope = Scope.open(Device.cpu());
  private final Tensor a = Noise.philox(1).fill(scope.allocate(Shape.of(1, 4, 4, 2)), 0);
  private final Tensor b = Noise.philox(2).fill(scope.allocate(Shape.of(1, 4, 4, 2)), 0);

  @AfterEach
  void close() {
    scope.close();
  }

  private float[] images(Interpolation interpolation, double... weights) {
    return interpolation.images(HALF, SCHEDULE, a, b, weights, NOISE).toArray();
  }

  private float[] denoised(Tensor image, int number) {
    Tensor noise = NOISE.from(number).fill(scope.allocate(image.shape()), 0);
    // DDIM of 10 of 100 steps without its first 4 begins at timestep 50.
    Tensor x = new ForwardProcess(SCHEDULE).jump(image, noise, 50);
    SAMPLER.sample(HALF, SCHEDULE, x, NOISE, null);
    return x.toArray();
  }

  @Test
  void theEndsAreTheImagesNoisedAndDenoised() {
    for (boolean slerp : new boolean[] {false, true}) {
      float[] ends = images(Interpolation.by(SAMPLER).slerp(slerp), 0, 1);
      assertThat(Arrays.copyOf(ends, 32)).containsExactly(denoised(a, 0), within(1e-6f));
      assertThat(Arrays.copyOfRange(ends, 32, 64)).containsExactly(denoised(b, 1), within(1e-6f));
    }
  }

  @Test
  void anImageDoesNotDependOnTheOtherWeights() {
    float[] many = images(Interpolation.by(SAMPLER), 0.2, 0.5, 0.9);
    assertThat(images(Interpolation.by(SAMPLER), 0.7, 0.5))
        .endsWith(Arrays.copyOfRange(many, 32, 64));
  }

  /** HALF is linear, so mixing before and after are the same. */
  @Test
  void linesAndCirclesMixAsTheirFormulasSay() {
    float[] first = denoised(a, 0);
    float[] second = denoised(b, 1);
    float[] line = images(Interpolation.by(SAMPLER), 0.25);
    float[] circle = images(Interpolation.by(SAMPLER).slerp(true), 0.5);
    double cosine = cosine(first, second);
    double weight = Math.sin(Math.acos(cosine) / 2) / Math.sin(Math.acos(cosine));
    for (int i = 0; i < 32; i++) {
      assertThat((double) line[i]).isCloseTo(0.75 * first[i] + 0.25 * second[i], within(1e-5));
      assertThat((double) circle[i]).isCloseTo(weight * (first[i] + second[i]), within(1e-5));
    }
  }

  private static double cosine(float[] a, float[] b) {
    double dot = 0, aa = 0, bb = 0;
    for (int i = 0; i < a.length; i++) {
      dot += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return dot / Math.sqrt(aa * bb);
  }

  @Test
  void refusesImagesThatDoNotFit() {
    Tensor two = scope.zeros(Shape.of(2, 4, 4, 2));
    assertThatThrownBy(
            () ->
                Interpolation.by(SAMPLER).images(HALF, SCHEDULE, a, two, new double[] {0.5}, NOISE))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("[2,4,4,2]");
    assertThatThrownBy(() -> images(Interpolation.by(SAMPLER)))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
