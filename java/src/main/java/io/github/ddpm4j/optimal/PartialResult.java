package io.github.ddpm4j.optimal;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.ByteImages;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.BitSet;

/**
 * The sums of the optimal denoiser over some shards of a data set: for each noisy image the scale
 * of the largest weight, the sum of the weights and the weighted sum of the images. Immutable.
 *
 * <p>The sums are whole numbers, so {@link #merge} is associative and the order of shards does not
 * matter: all shards together give the bits of the data set in one piece.
 */
public final class PartialResult {
  private static final int MAGIC = 0x6f707431;
  private static final int BINS = 4;
  private static final int MAX_SHARDS = 1 << 20;

  private final Shape shape;
  private final long question;
  private final int shards;
  private final BitSet included;
  private final long[] sums;

  /**
   * @param shape of the noisy images, [N,H,W,C]
   * @param question hash of what was asked: only answers to the same question may be merged
   * @param included which of the shards the sums are over
   * @param sums as {@link ByteImages#partial} gives them
   */
  PartialResult(Shape shape, long question, int shards, BitSet included, long[] sums) {
    this.shape = shape;
    this.question = question;
    this.shards = shards;
    this.included = included;
    this.sums = sums;
  }

  /** Number of shards that the data set is divided into. */
  public int shards() {
    return shards;
  }

  /** Whether all shards are in. */
  public boolean isComplete() {
    return included.cardinality() == shards;
  }

  /**
   * The result over the shards of both.
   *
   * @throws InvalidArgumentException if the other is of another noisy image, timestep, data set or
   *     number of shards, or has a shard that this one has too
   */
  public PartialResult merge(PartialResult other) {
    if (other.question != question || other.shards != shards || !other.shape.equals(shape)) {
      throw new InvalidArgumentException(
          "the partial results are of different noisy images, timesteps, data sets or numbers of"
              + " shards: "
              + this
              + " and "
              + other);
    }
    if (included.intersects(other.included)) {
      throw new InvalidArgumentException(
          "a shard is in both partial results: " + this + " and " + other);
    }
    BitSet both = (BitSet) included.clone();
    both.or(other.included);
    long[] total = new long[sums.length];
    int stride = sums.length / shape.dim(0);
    for (int start = 0; start < sums.length; start += stride) {
      merge(sums, other.sums, total, start, (stride - ByteImages.PARTIAL_HEADER) / BINS);
    }
    return new PartialResult(shape, question, shards, both, total);
  }

  /** Adds the sums of one noisy image: bins from the higher top down, lower ones are dropped. */
  private static void merge(long[] a, long[] b, long[] out, int start, int pixels) {
    long top = Math.max(a[start], b[start]);
    out[start] = top;
    if (top == Long.MAX_VALUE) {
      return;
    }
    for (long[] source : new long[][] {a, b}) {
      if (source[start] == Long.MIN_VALUE) {
        continue;
      }
      long lower = top - source[start];
      for (int bin = 0; bin < BINS - lower; bin++) {
        int to = (int) (bin + lower);
        out[start + 1 + to] += source[start + 1 + bin];
        int target = start + ByteImages.PARTIAL_HEADER + to * pixels;
        int from = start + ByteImages.PARTIAL_HEADER + bin * pixels;
        for (int p = 0; p < pixels; p++) {
          out[target + p] += source[from + p];
        }
      }
    }
  }

  /**
   * The optimal denoiser's x̂_0, [N,H,W,C].
   *
   * @throws InvalidArgumentException if shards are missing
   */
  public Tensor finish(Scope scope) {
    if (!isComplete()) {
      throw new InvalidArgumentException("shards are missing from " + this);
    }
    Tensor x0 = scope.allocate(shape);
    ByteImages.finish(sums, x0);
    return x0;
  }

  /** The result as bytes, for {@link #fromBytes}. */
  public byte[] toBytes() {
    byte[] shardBits = included.toByteArray();
    ByteBuffer out =
        ByteBuffer.allocate(
            5 * Integer.BYTES
                + shape.rank() * Integer.BYTES
                + Long.BYTES
                + shardBits.length
                + sums.length * Long.BYTES);
    out.putInt(MAGIC).putInt(shape.rank());
    for (int dim : shape.toArray()) {
      out.putInt(dim);
    }
    out.putLong(question).putInt(shards).putInt(shardBits.length).put(shardBits);
    out.putInt(sums.length);
    out.asLongBuffer().put(sums);
    return out.array();
  }

  /**
   * What {@link #toBytes} wrote.
   *
   * @throws InvalidArgumentException if it did not
   */
  public static PartialResult fromBytes(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    try {
      require(in.getInt() == MAGIC, "it does not start as one");
      int rank = in.getInt();
      require(rank == 4, "its rank is " + rank);
      int[] dims = {in.getInt(), in.getInt(), in.getInt(), in.getInt()};
      Shape shape = Shape.of(dims);
      long question = in.getLong();
      int shards = in.getInt();
      require(shards >= 1 && shards <= MAX_SHARDS, "it has " + shards + " shards");
      int shardBytes = in.getInt();
      require(
          shardBytes >= 0 && shardBytes <= in.remaining(),
          "its shards take " + shardBytes + " bytes");
      byte[] shardBits = new byte[shardBytes];
      in.get(shardBits);
      BitSet included = BitSet.valueOf(shardBits);
      require(included.length() <= shards, "it has a shard beyond the last");
      int size = in.getInt();
      int expected = ByteImages.partialSize(dims[0], Math.toIntExact(shape.count() / dims[0]));
      require(
          size == expected && in.remaining() == (long) size * Long.BYTES,
          "it has " + in.remaining() + " bytes of sums");
      long[] sums = new long[size];
      in.asLongBuffer().get(sums);
      return new PartialResult(shape, question, shards, included, sums);
    } catch (BufferUnderflowException | ArithmeticException e) {
      throw new InvalidArgumentException("the bytes are not a partial result: they end too early");
    }
  }

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new InvalidArgumentException("the bytes are not a partial result: " + problem);
    }
  }

  /** For example {@code PartialResult[[16,32,32,3], shards {0, 2} of 4]}. */
  @Override
  public String toString() {
    return "PartialResult[" + shape + ", shards " + included + " of " + shards + "]";
  }
}
