package io.github.ddpm4j.tensor;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.Device;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owner of native memory: every tensor belongs to a scope and ends with it.
 *
 * <p>A scope is a bump allocator over blocks that are reused from scope to scope, so opening and
 * closing one per denoising step costs next to nothing. Results of an op go to the scope of its
 * first operand; a {@linkplain #recording recording} scope also keeps a {@link Tape} of the ops,
 * from which gradients follow.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open(Device.cpu())) {
 *   Tensor x = scope.tensor(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
 *   float[] y = PointwiseOps.silu(x).toArray();
 * }
 * }</pre>
 *
 * <p>A scope is for one thread at a time. Closing twice is harmless; using a tensor of a closed
 * scope throws {@link ClosedException}. A scope that is lost without being closed is reported in
 * the log with the place that opened it.
 */
public final class Scope implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Scope.class);
  private static final Cleaner CLEANER = Cleaner.create();
  private static final long ALIGNMENT = 64;
  private static final long SMALLEST_BLOCK = 1 << 20;
  private static final long LARGEST_BLOCK = 1 << 28;

  private final Device device;
  private final BlockPool pool;
  private final Tape tape;
  private final List<BlockPool.Block> blocks = new ArrayList<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private BlockPool.Block current;
  private long used;

  private Scope(Device device, Tape tape) {
    this.device = device;
    this.pool = BlockPool.of(device);
    this.tape = tape;
    CLEANER.register(this, new LeakReport(closed));
  }

  /** Opens a scope on a device. */
  public static Scope open(Device device) {
    return new Scope(device, null);
  }

  /** Opens a scope that records the ops on its tensors, for gradients. */
  public static Scope recording(Device device) {
    return new Scope(device, new Tape());
  }

  public Device device() {
    return device;
  }

  /** The tape of a recording scope, else null. */
  public Tape tape() {
    return tape;
  }

  /** A new tensor of undefined contents. */
  public Tensor allocate(Shape shape) {
    ensureOpen();
    long bytes = Math.multiplyExact(shape.count(), (long) Float.BYTES);
    long rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (current == null || current.bytes() - used < rounded) {
      long wanted = current == null ? SMALLEST_BLOCK : Math.min(LARGEST_BLOCK, current.bytes() * 2);
      current = pool.take(Math.max(rounded, wanted));
      blocks.add(current);
      used = 0;
    }
    long memory = current.memory() + used;
    used += rounded;
    return new Tensor(this, shape, memory, new Gradient());
  }

  /** A new tensor of zeros. */
  public Tensor zeros(Shape shape) {
    return allocate(shape).fill(0);
  }

  /** A new tensor with the given elements in row-major order. */
  public Tensor tensor(Shape shape, float... values) {
    return allocate(shape).copyFrom(values);
  }

  void ensureOpen() {
    if (closed.get()) {
      throw new ClosedException("the scope of this tensor has been closed");
    }
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      blocks.forEach(pool::giveBack);
      blocks.clear();
    }
  }

  /** Runs when a scope has become unreachable; must not refer to it. */
  private static final class LeakReport implements Runnable {
    private final AtomicBoolean closed;
    private final Throwable opened = new Throwable("opened here");

    LeakReport(AtomicBoolean closed) {
      this.closed = closed;
    }

    @Override
    public void run() {
      if (!closed.get()) {
        LOG.warn("a scope was lost without being closed; its native memory is gone", opened);
      }
    }
  }
}
