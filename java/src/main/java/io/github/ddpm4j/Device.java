package io.github.ddpm4j;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where tensors live and ops run. The CPU is always there, CUDA devices where they can be used. */
public final class Device {
  private static final Device CPU = new Device(0);
  private static final Map<Integer, Device> CUDA = new ConcurrentHashMap<>();
  private static final Pattern CUDA_NAME = Pattern.compile("cuda(?::(\\d{1,9}))?");

  static {
    String convolution = System.getProperty("ddpm4j.convolution");
    if (convolution != null) {
      setConvolution(convolution);
    }
    String precision = System.getProperty("ddpm4j.precision");
    if (precision != null) {
      setPrecision(precision);
    }
    ConvolutionTable.useFirst();
  }

  private final int index;

  private Device(int index) {
    this.index = index;
  }

  /** The CPU. */
  public static Device cpu() {
    return CPU;
  }

  /**
   * A CUDA device.
   *
   * @param number as CUDA counts, from 0
   * @throws DeviceException if it cannot be used, with the reason
   */
  public static Device cuda(int number) {
    if (number < 0) {
      throw new InvalidArgumentException("CUDA device is " + number + ", expected at least 0");
    }
    if (number >= cudaCount()) {
      throw new DeviceException("device 'cuda:" + number + "' cannot be used: " + cudaStatus());
    }
    Status.check(NativeApi.ddpm_device_check(number + 1));
    return CUDA.computeIfAbsent(number, n -> new Device(n + 1));
  }

  /** Number of CUDA devices, usable or not. */
  public static int cudaCount() {
    return NativeApi.ddpm_device_count() - 1;
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
    Matcher cuda = CUDA_NAME.matcher(name);
    if (!cuda.matches()) {
      throw new InvalidArgumentException("device is '" + name + "', expected cpu, cuda or cuda:N");
    }
    return cuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
  }

  /**
   * Number by which the native library knows the device; the CPU is 0, CUDA's device i is i + 1.
   */
  public int index() {
    return index;
  }

  /** Whether this is the CPU, whose ops are done when they return. */
  public boolean isCpu() {
    return index == 0;
  }

  /** The name that its driver gives the device; {@code CPU} for the CPU. */
  public String name() {
    return NativeApi.ddpm_device_name(index).getString();
  }

  /**
   * What a CUDA device has.
   *
   * @throws InvalidArgumentException for the CPU
   */
  public CudaProperties cudaProperties() {
    long[] memory = new long[1];
    int[] capability = new int[1];
    int[] multiprocessors = new int[1];
    Status.check(NativeApi.ddpm_device_properties(index, memory, capability, multiprocessors));
    return new CudaProperties(memory[0], capability[0], multiprocessors[0]);
  }

  /**
   * What a CUDA device has.
   *
   * @param memory bytes
   * @param computeCapability 10 major + minor, as in sm_90
   */
  public record CudaProperties(long memory, int computeCapability, int multiprocessors) {}

  /**
   * Waits until all is done that the device has been asked to do.
   *
   * @throws DeviceException if any of it failed
   */
  public void synchronize() {
    Status.check(NativeApi.ddpm_synchronize(index));
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

  /**
   * How 3x3 convolutions with stride 1 are computed; {@link #setConvolution} has the choices.
   *
   * @see #setConvolution
   */
  public static String convolution() {
    return NativeApi.ddpm_convolution_algorithm().getString();
  }

  /**
   * Sets how 3x3 convolutions with stride 1, and their gradients, are computed in this process. The
   * first value is that of the system property {@code ddpm4j.convolution}, or {@code auto}.
   *
   * <ul>
   *   <li>{@code auto}: by Winograd's algorithm (<a href="https://arxiv.org/abs/1509.09308">arXiv
   *       1509.09308</a>) where it is faster, which a {@link ConvolutionTable} says if there is one
   *       and else a rule, by the height, width and channels of an image only
   *   <li>{@code direct}: by the defining sums, the most comparable with other implementations
   *   <li>{@code winograd2}, {@code winograd4}: always by Winograd's algorithm with tiles of 2x2 or
   *       4x4 outputs
   * </ul>
   *
   * <p>With C channels, every error is at most (C + 27) 2^-24 times |A'| [sum |G||g||G'| o
   * |B'||d||B|] |A|, the convolution with the absolute values of all operands and coefficients. For
   * normal operands and 64 channels, the errors' root mean square relative to the outputs' is 4e-7
   * for {@code direct}, 3e-7 for {@code winograd2} and 8e-7 for {@code winograd4}.
   *
   * @throws InvalidArgumentException for another name
   */
  public static void setConvolution(String algorithm) {
    Status.check(NativeApi.ddpm_set_convolution_algorithm(algorithm));
  }

  /**
   * What operands of products are rounded to; {@link #setPrecision} has the choices.
   *
   * @see #setPrecision
   */
  public static String precision() {
    return NativeApi.ddpm_precision().getString();
  }

  /**
   * Sets what convolutions, linear maps and attention round the operands of their products to, in
   * this process. Sums, and all that is stored, stay float32. The first value is that of the system
   * property {@code ddpm4j.precision}, or {@code float32}.
   *
   * <ul>
   *   <li>{@code float32}: no rounding
   *   <li>{@code tf32}: to 10 bits of fraction, relative error 2^-11
   *   <li>{@code bfloat16}: to 7 bits of fraction, relative error 2^-8
   * </ul>
   *
   * <p>A device may be more exact than asked. The CPU rounds for {@code bfloat16} in direct
   * convolutions and in linear maps; Winograd's convolutions, attention, gradients and {@code tf32}
   * are {@code float32}. It halves the memory that these weights take, and multiplies faster with
   * AVX-512's BF16 instructions alone; without them, Winograd's algorithm in {@code float32} is far
   * ahead of direct convolution in {@code bfloat16}.
   *
   * @throws InvalidArgumentException for another name
   */
  public static void setPrecision(String precision) {
    Status.check(NativeApi.ddpm_set_precision(precision));
  }

  /** Version of the native library. */
  public static String nativeVersion() {
    return NativeApi.ddpm_version().getString();
  }

  @Override
  public String toString() {
    return isCpu() ? "cpu" : "cuda:" + (index - 1);
  }
}
