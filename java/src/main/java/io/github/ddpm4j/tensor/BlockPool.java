package io.github.ddpm4j.tensor;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Native blocks that scopes have given back, kept for the next scope: a denoising step allocates
 * nothing, and its addresses repeat. Safe for use by several threads.
 */
final class BlockPool {
  /** A native block: its reference and size. */
  record Block(long memory, long bytes) {}

  private static final Map<Device, BlockPool> POOLS = new ConcurrentHashMap<>();

  /** Where scopes that the thread opens take blocks from while it captures. */
  private static final ThreadLocal<BlockPool> CAPTURING = new ThreadLocal<>();

  private final Device device;
  private final TreeMap<Long, Deque<Block>> free = new TreeMap<>();

  private BlockPool(Device device) {
    this.device = device;
  }

  /** The pool for a new scope. */
  static BlockPool of(Device device) {
    BlockPool capturing = CAPTURING.get();
    if (capturing != null && capturing.device == device) {
      return capturing;
    }
    return POOLS.computeIfAbsent(device, BlockPool::new);
  }

  /**
   * A pool of its own for what the thread captures, up to {@link #endCapture}: blocks that are
   * given back meanwhile are written to whenever the graph runs, so no other scope may have them.
   */
  static BlockPool beginCapture(Device device) {
    CAPTURING.set(new BlockPool(device));
    return CAPTURING.get();
  }

  static void endCapture() {
    CAPTURING.remove();
  }

  /**
   * A block of at least the given size: the smallest free one that is not more than four times too
   * large, or a new one.
   */
  Block take(long bytes) {
    synchronized (this) {
      Map.Entry<Long, Deque<Block>> entry = free.ceilingEntry(bytes);
      if (entry != null && entry.getKey() / 4 <= bytes) {
        Block block = entry.getValue().pop();
        if (entry.getValue().isEmpty()) {
          free.remove(entry.getKey());
        }
        return block;
      }
    }
    long[] memory = new long[1];
    int status = NativeApi.ddpm_block_allocate(device.index(), bytes, memory);
    if (status == NativeApi.DDPM_OUT_OF_MEMORY) {
      trim();
      status = NativeApi.ddpm_block_allocate(device.index(), bytes, memory);
    }
    Status.check(status);
    return new Block(memory[0], bytes);
  }

  synchronized void giveBack(Block block) {
    free.computeIfAbsent(block.bytes(), size -> new ArrayDeque<>()).push(block);
  }

  /** Frees all blocks that no scope holds. */
  synchronized void trim() {
    for (Deque<Block> blocks : free.values()) {
      for (Block block : blocks) {
        Status.check(NativeApi.ddpm_block_free(block.memory()));
      }
    }
    free.clear();
  }
}
