package io.github.ddpm4j;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;

/** Where tensors live and ops run. The CPU is always there. */
public final class Device {
  private static final Device CPU = new Device(0);

  private final int index;

  private Device(int index) {
    this.index = index;
  }

  /** The CPU. */
  public static Device cpu() {
    return CPU;
  }

  /**
   * The device of a name as the command line takes it: {@code cpu}, or {@code cuda} and {@code
   * cuda:1} where the library has CUDA kernels and the machine a driver.
   *
   * @throws InvalidArgumentException for another name
   * @throws DeviceException for a CUDA device that cannot be used, with the reason
   */
  public static Device of(String name) {
    if (name.equals("cpu")) {
      return CPU;
    }
    if (name.matches("cuda(:\\d+)?")) {
      throw new DeviceException("device '" + name + "' cannot be used: " + cudaStatus());
    }
    throw new InvalidArgumentException("device is '" + name + "', expected cpu, cuda or cuda:N");
  }

  /** Number by which the native library knows the device; the CPU is 0. */
  public int index() {
    return index;
  }

  /** Why CUDA devices are or are not used, in one line. */
  public static String cudaStatus() {
    return NativeApi.ddpm_cuda_status().getString();
  }

  /** Instruction set of the CPU kernels: {@code avx512}, {@code avx2} or {@code portable}. */
  public static String cpuIsa() {
    return NativeApi.ddpm_cpu_isa().getString();
  }

  /**
   * Number of threads that CPU kernels share, over all callers; as many as there are cores unless
   * set.
   */
  public static int threads() {
    return NativeApi.ddpm_threads();
  }

  /**
   * Sets the number of threads that CPU kernels share. Results do not depend on it, to the last
   * bit.
   *
   * @param threads 1 to 1024
   */
  public static void setThreads(int threads) {
    Status.check(NativeApi.ddpm_set_threads(threads));
  }

  /** Version of the native library. */
  public static String nativeVersion() {
    return NativeApi.ddpm_version().getString();
  }

  @Override
  public String toString() {
    return "cpu";
  }
}
