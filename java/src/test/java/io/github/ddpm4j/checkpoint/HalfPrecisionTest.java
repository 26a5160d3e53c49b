package io.github.ddpm4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HalfPrecisionTest {
  /**
   * All numbers of the format in order: each the last plus the spacing of its binade, which is
   * 2^-24 at the least.
   */
  @Test
  void allFloat16Numbers() {
    double expected = 0;
    for (int bits = 0; bits < 0x7c00; bits++) {
      assertThat((double) HalfPrecision.fromFloat16((short) bits)).isEqualTo(expected);
      assertThat((double) HalfPrecision.fromFloat16((short) (bits | 0x8000))).isEqualTo(-expected);
      int binade = Math.max(1, bits >> 10);
      expected += Math.pow(2, binade - 25);
    }
    assertThat(HalfPrecision.fromFloat16((short) 0x7bff)).isEqualTo(65504);
    assertThat(HalfPrecision.fromFloat16((short) 0x7c00)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(HalfPrecision.fromFloat16((short) 0xfc00)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(HalfPrecision.fromFloat16((short) 0x7e01)).isNaN();
  }

  @Test
  void bfloat16IsTheUpperHalfOfFloat32() {
    assertThat(HalfPrecision.fromBfloat16((short) 0x3f80)).isEqualTo(1);
    assertThat(HalfPrecision.fromBfloat16((short) 0xc049)).isEqualTo(-3.140625f);
    assertThat(HalfPrecision.fromBfloat16((short) 0x7f80)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(HalfPrecision.fromBfloat16((short) 0x7fc0)).isNaN();
    assertThat(HalfPrecision.fromBfloat16((short) 1)).isEqualTo(0x1p-133f);
  }
}
