package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import java.util.function.Function;

/** What a CUDA device computes, beside what the CPU does. */
public final class CudaComparison {
  private CudaComparison() {}

  /** The first CUDA device; skips the test if there is none. */
  public static Device device() {
    assumeTrue(Device.cudaCount() > 0, Device.cudaStatus());
    return Device.cuda(0);
  }

  /**
   * The device's float32 values are at most four times as far from the CPU's as those of two of the
   * CPU's instruction sets are from each other, whose sums run in other orders too.
   */
  public static void assertLikeTheCpu(Function<Device, float[]> run) {
    float[] expected = run.apply(Device.cpu());
    String isa = Device.cpuIsa();
    assumeTrue(!isa.equals("portable"), "the CPU has one instruction set");
    float[] other;
    try {
      Status.check(NativeApi.ddpm_set_cpu_isa("portable"));
      other = run.apply(Device.cpu());
    } finally {
      Status.check(NativeApi.ddpm_set_cpu_isa(isa));
    }
    double bound = 4 * distance(other, expected);
    assertThat(bound).isPositive();
    assertThat(distance(run.apply(device()), expected)).isLessThanOrEqualTo(bound);
  }

  private static double distance(float[] values, float[] expected) {
    assertThat(values).hasSameSizeAs(expected);
    double distance = 0;
    for (int i = 0; i < values.length; i++) {
      assertThat(values[i]).isFinite();
      distance = Math.max(distance, Math.abs((double) values[i] - expected[i]));
    }
    return distance;
  }
}
