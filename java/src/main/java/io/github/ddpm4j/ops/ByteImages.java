package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.memory;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.ByteBlock;
import io.github.ddpm4j.tensor.Tensor;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.IntSupplier;

/**
 * A set of images in native memory, as bytes, with the ops of the optimal denoiser (Yi et al.,
 * arXiv 2305.14712, theorem 2) over it. The images are divided into chunks of neighbours, which a
 * call may take a part of.
 *
 * <p>May be used by several threads; closing waits for their calls.
 */
public final class ByteImages implements AutoCloseable {
  /** Most images of a chunk. */
  public static final int CHUNK = NativeApi.DDPM_OPTIMAL_CHUNK;

  private final Device device;
  private final int count;
  private final int height;
  private final int width;
  private final int channels;
  private final int[] chunks;
  private final ByteBlock data;
  private final ReadWriteLock use = new ReentrantReadWriteLock();

  /**
   * Room for images of H·W·C bytes.
   *
   * @param chunks first image of each chunk, then the number of images
   */
  public ByteImages(Device device, int height, int width, int channels, int... chunks) {
    this.device = device;
    this.count = chunks[chunks.length - 1];
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.chunks = chunks.clone();
    this.data =
        ByteBlock.allocate(
            device, NativeApi.ddpm_optimal_bytes((long) count, height, width, channels));
  }

  public Device device() {
    return device;
  }

  /**
   * Images from first on. Every image must be loaded before it is used.
   *
   * @param pixels [images,H,W,C]; what comes after is not looked at
   */
  public void load(int first, byte[] pixels, int images) {
    if (images < 1 || (long) images * imageSize() > pixels.length) {
      throw new InvalidArgumentException(
          images + " images do not lie within " + pixels.length + " bytes");
    }
    use(
        () ->
            NativeApi.ddpm_optimal_load(
                data.memory(),
                (long) count,
                height,
                width,
                channels,
                pixels,
                (long) first,
                (long) images));
  }

  private int imageSize() {
    return height * width * channels;
  }

  public int count() {
    return count;
  }

  /** Bytes of native memory. */
  public long bytes() {
    return data.bytes();
  }

  /** Chunks first to last - 1. */
  public record Range(int first, int last) {}

  /**
   * What is done.
   *
   * @param prune whether images may be ruled out by bounds, which changes no bit of a result
   * @param report receives what was done, in pairs of query and image: all, compared, compared in
   *     full precision, summed, and ruled out by digits of a few bits
   */
  public record Work(boolean prune, long[] report) {
    public Work(boolean prune) {
      this(prune, new long[NativeApi.DDPM_OPTIMAL_REPORT]);
    }
  }

  /** x_t = signal x_0 + √variance ε. */
  public record Process(double signal, double variance) {}

  /**
   * The optimal denoiser.
   *
   * @param xt [N,...]
   * @param x0 receives x̂_0, or null
   * @param epsilon receives ε*, or null
   * @param logSums receives for each query log Σ_i exp(-‖x_t - signal x_i‖² / (2 variance)), or
   *     null
   */
  public void denoise(
      Range range,
      Process process,
      Tensor xt,
      Tensor x0,
      Tensor epsilon,
      double[] logSums,
      Work work) {
    requireQueries(xt);
    requireShape("x0", x0, xt.shape());
    requireShape("epsilon", epsilon, xt.shape());
    requireLength("logSums", logSums == null ? -1 : logSums.length, xt.dim(0));
    use(
        () ->
            NativeApi.ddpm_optimal_denoise(
                data.memory(),
                (long) count,
                height,
                width,
                channels,
                chunks,
                chunks.length - 1,
                range.first(),
                range.last(),
                xt.memory(),
                xt.dim(0),
                process.signal(),
                process.variance(),
                work.prune() ? 1 : 0,
                memory(x0),
                memory(epsilon),
                logSums,
                work.report()));
  }

  /** Numbers of a partial result of so many queries. */
  public static int partialSize(int queries, int imageSize) {
    return Math.toIntExact(
        Math.multiplyExact(queries, NativeApi.ddpm_optimal_partial_size((long) imageSize)));
  }

  /** Numbers of a query's partial result before its sums over pixels; see {@link #partial}. */
  public static final int PARTIAL_HEADER = NativeApi.DDPM_OPTIMAL_HEADER;

  /**
   * Sums over a range, for each query: the number m of the top bin, for bins m to m-3 the sum of
   * the weights, and for each of these bins the sums of weighted pixels. m is the least long for no
   * images and the greatest for a query that is not finite.
   */
  public long[] partial(Range range, Process process, Tensor xt, Work work) {
    requireQueries(xt);
    long[] partial = new long[partialSize(xt.dim(0), imageSize())];
    use(
        () ->
            NativeApi.ddpm_optimal_partial(
                data.memory(),
                (long) count,
                height,
                width,
                channels,
                chunks,
                chunks.length - 1,
                range.first(),
                range.last(),
                xt.memory(),
                xt.dim(0),
                process.signal(),
                process.variance(),
                work.prune() ? 1 : 0,
                partial,
                work.report()));
    return partial;
  }

  /** Writes x̂_0 [N,...] of merged partial results. */
  public static void finish(long[] partial, Tensor x0) {
    finish(partial, new Process(1, 1), x0, x0, null, null);
  }

  /** As {@link #denoise}, from merged partial results. */
  public static void finish(
      long[] partial, Process process, Tensor xt, Tensor x0, Tensor epsilon, double[] logSums) {
    int queries = xt.dim(0);
    long size = xt.count() / queries;
    requireLength("partial", partial.length, partialSize(queries, Math.toIntExact(size)));
    requireShape("x0", x0, xt.shape());
    requireShape("epsilon", epsilon, xt.shape());
    requireLength("logSums", logSums == null ? -1 : logSums.length, queries);
    boolean needsXt = epsilon != null || logSums != null;
    check(
        NativeApi.ddpm_optimal_finish(
            partial,
            size,
            needsXt ? xt.memory() : 0,
            queries,
            process.signal(),
            process.variance(),
            memory(x0),
            memory(epsilon),
            logSums));
  }

  /** -‖x_t - signal x_i‖² / (2 variance) for each of N queries and all images, [N, count]. */
  public double[] logKernels(Process process, Tensor xt) {
    requireQueries(xt);
    double[] logKernels = new double[Math.multiplyExact(xt.dim(0), count)];
    use(
        () ->
            NativeApi.ddpm_optimal_log_kernels(
                data.memory(),
                (long) count,
                height,
                width,
                channels,
                xt.memory(),
                xt.dim(0),
                process.signal(),
                process.variance(),
                logKernels));
    return logKernels;
  }

  private void requireQueries(Tensor xt) {
    long size = xt.count() / xt.dim(0);
    if (size != imageSize()) {
      throw new InvalidArgumentException(
          "xt has shape "
              + xt.shape()
              + ", "
              + size
              + " values an image; the data set's images have "
              + imageSize());
    }
  }

  private static void requireLength(String name, int length, int expected) {
    if (length >= 0 && length != expected) {
      throw new InvalidArgumentException(
          name + " has room for " + length + " numbers, expected " + expected);
    }
  }

  private void use(IntSupplier call) {
    use.readLock().lock();
    try {
      check(call.getAsInt());
    } finally {
      use.readLock().unlock();
    }
  }

  @Override
  public void close() {
    use.writeLock().lock();
    try {
      data.close();
    } finally {
      use.writeLock().unlock();
    }
  }
}
