package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class PrecisionTest {
  @Test
  void aPrecisionIsKeptForTheProcess() {
    String before = Device.precision();
    try {
      for (String precision : new String[] {"tf32", "bfloat16", "float32"}) {
        Device.setPrecision(precision);
        assertThat(Device.precision()).isEqualTo(precision);
      }
    } finally {
      Device.setPrecision(before);
    }
  }

  @Test
  void onlyKnownPrecisionsAreTaken() {
    assertThatThrownBy(() -> Device.setPrecision("float16"))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("'float16'");
  }
}
