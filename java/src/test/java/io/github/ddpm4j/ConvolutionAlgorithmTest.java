package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.sampler.Ddpm;
import org.junit.jupiter.api.Test;

/** Winograd's algorithm beside direct convolution, in whole runs of the bundled model. */
class ConvolutionAlgorithmTest {
  @Test
  void aFullRunStaysWithinAThousandthOfDirectConvolution() {
    try (DiffusionModel model = DiffusionModel.pretrained("mnist")) {
      SampleOptions options = SampleOptions.count(2).seed(11).sampler(Ddpm.full());
      float[] byDefault = model.sample(options).pixels();
      float[] direct = directly(() -> model.sample(options)).pixels();
      assertThat(byDefault).isNotEqualTo(direct);
      assertThat(distance(byDefault, direct)).isLessThan(1e-3);
    }
  }

  @Test
  void packedWeightsEndWithTheModel() {
    long before = NativeApi.ddpm_packed_bytes();
    try (DiffusionModel model = DiffusionModel.pretrained("mnist")) {
      model.sample(SampleOptions.count(1).sampler(Ddim.steps(1)));
      assertThat(NativeApi.ddpm_packed_bytes()).isGreaterThan(before);
    }
    assertThat(NativeApi.ddpm_packed_bytes()).isEqualTo(before);
  }

  @Test
  void onlyKnownAlgorithmsAreTaken() {
    assertThatThrownBy(() -> Device.setConvolution("im2col"))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("'im2col'");
  }

  private interface Run {
    Images sample();
  }

  private static Images directly(Run run) {
    String before = Device.convolution();
    Device.setConvolution("direct");
    try {
      return run.sample();
    } finally {
      Device.setConvolution(before);
    }
  }

  private static double distance(float[] a, float[] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(a[i] - b[i]));
    }
    return largest;
  }
}
