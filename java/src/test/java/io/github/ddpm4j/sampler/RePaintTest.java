package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RePaintTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.linear(100, 1e-3, 0.08);

  /** The denoiser of standard normal data. */
  private static final NoisePredictor STANDARD_NORMAL =
      (xt, t) -> PointwiseOps.scale(xt, (float) SCHEDULE.sigma(t));

  /** 2 x 3 pixels of 2 channels. */
  private static final Images IMAGE =
      new Images(
          1, 2, 3, 2, new float[] {0, .1f, .2f, .3f, .4f, .5f, -.1f, -.2f, -.3f, 0, .9f, -1});

  /** Keeps the left column. */
  private static final Images MASK = new Images(1, 2, 3, 1, new float[] {1, 0, 0, 1, 0, 0});

  private static float[] paint(RePaint sampler, Noise noise, int images) {
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = noise.fill(scope.allocate(Shape.of(images, 2, 3, 2)), 0);
      sampler.sample(STANDARD_NORMAL, SCHEDULE, x, noise, null);
      return x.toArray();
    }
  }

  @Test
  void whatIsKnownStaysAndTheRestIsPainted() {
    float[] x = paint(RePaint.of(IMAGE, MASK).steps(20).jumps(3, 2).eta(1), Noise.philox(4), 5);
    for (int i = 0; i < x.length; i++) {
      boolean kept = i / 2 % 3 == 0;
      float known = IMAGE.pixels()[i % 12];
      if (kept) {
        assertThat(x[i]).isEqualTo(known);
      } else {
        assertThat(x[i]).isNotEqualTo(known).isBetween(-1f, 1f);
      }
    }
  }

  /** With nothing known and no jumps it is DDIM, which takes other draws of the same noise. */
  @Test
  void withNothingKnownItIsDdim() {
    Images nothing = new Images(1, 2, 3, 1, new float[6]);
    Noise noise = Noise.philox(8);
    float[] painted = paint(RePaint.of(IMAGE, nothing).steps(25).jumps(5, 1).eta(1), noise, 3);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor x = noise.fill(scope.allocate(Shape.of(3, 2, 3, 2)), 0);
      Ddim.steps(25).eta(1).sample(STANDARD_NORMAL, SCHEDULE, x, noise, null);
      float[] ddim = x.toArray();
      for (int i = 0; i < ddim.length; i++) {
        assertThat(painted[i]).isCloseTo(ddim[i], within(1e-4f));
      }
    }
  }

  /** As {@code RePaintScheduler.set_timesteps} of diffusers, with its undo steps left out. */
  @Test
  void jumpsGoBackAndAreTakenAgain() {
    double[] t = RePaint.of(IMAGE, MASK).steps(5).jumps(2, 3).timesteps(SCHEDULE);
    // Jumps from levels 0 and 2, of 20 timesteps each: twice from each.
    assertThat(t).containsExactly(80, 60, 40, 60, 40, 60, 40, 20, 0, 20, 0, 20, 0);
    assertThat(RePaint.of(IMAGE, MASK).steps(4).jumps(10, 10).timesteps(SCHEDULE))
        .containsExactly(75, 50, 25, 0);
  }

  @Test
  void oneImageForAllOrOneForEach() {
    float[] both = new float[24];
    System.arraycopy(IMAGE.pixels(), 0, both, 0, 12);
    Arrays.fill(both, 12, 24, 0.25f);
    Images two = new Images(2, 2, 3, 2, both);
    float[] x = paint(RePaint.of(two, MASK).steps(5), Noise.philox(1), 2);
    assertThat(x[0]).isEqualTo(IMAGE.pixels()[0]);
    assertThat(x[12]).isEqualTo(0.25f);
    assertThatThrownBy(() -> paint(RePaint.of(two, MASK).steps(5), Noise.philox(1), 3))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("[2,2,3,2]")
        .hasMessageContaining("[3,2,3,2]");
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> RePaint.of(IMAGE, new Images(1, 3, 2, 1, new float[6])))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("[1,3,2,1]");
    assertThatThrownBy(() -> RePaint.of(IMAGE, MASK).jumps(0, 1))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> RePaint.of(IMAGE, MASK).eta(2))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> RePaint.of(IMAGE, MASK).skipping(1))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
