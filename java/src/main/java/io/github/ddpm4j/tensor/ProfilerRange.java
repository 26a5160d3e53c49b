package io.github.ddpm4j.tensor;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.internal.NativeApi;

/**
 * Names what a CUDA device is asked to do for profilers (an NVTX range), from {@link #begin} to
 * {@link #close}. Ranges nest. The CPU has none.
 */
public final class ProfilerRange implements AutoCloseable {
  private static final ProfilerRange CUDA = new ProfilerRange();

  private ProfilerRange() {}

  /** Begins a range; null on the CPU, which try-with-resources leaves alone. */
  public static ProfilerRange begin(Device device, String name) {
    if (device.isCpu()) {
      return null;
    }
    NativeApi.ddpm_range_begin(name);
    return CUDA;
  }

  @Override
  public void close() {
    NativeApi.ddpm_range_end();
  }
}
