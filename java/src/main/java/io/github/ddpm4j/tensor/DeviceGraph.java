package io.github.ddpm4j.tensor;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;

/**
 * Ops of a CUDA device that were recorded once and run any number of times, on the same tensors: as
 * one call of the driver, where each op would be one (a CUDA graph).
 *
 * <p>Scopes that the ops open and close may be: their memory stays the graph's. Those of all other
 * tensors that the ops use must stay open as long as the graph is run. For one thread at a time.
 */
public final class DeviceGraph implements AutoCloseable {
  private final long graph;
  private final BlockPool temporaries;
  private boolean closed;

  private DeviceGraph(long graph, BlockPool temporaries) {
    this.graph = graph;
    this.temporaries = temporaries;
  }

  /** Whether graphs are used, unless the system property {@code ddpm4j.graphs} is {@code off}. */
  public static boolean enabled() {
    return !"off".equals(System.getProperty("ddpm4j.graphs"));
  }

  /**
   * Records the ops that are called on a device by the calling thread; none of them runs.
   *
   * @param ops neither copies between tensors and Java arrays nor takes numbers from the device
   * @throws io.github.ddpm4j.NotSupportedException if they do, or for the CPU
   */
  public static DeviceGraph capture(Device device, Runnable ops) {
    Status.check(NativeApi.ddpm_capture_begin(device.index()));
    BlockPool temporaries = BlockPool.beginCapture(device);
    long[] graph = new long[1];
    try {
      ops.run();
    } catch (RuntimeException | Error e) {
      // The recording must end, whatever becomes of it.
      if (NativeApi.ddpm_capture_end(device.index(), graph) == NativeApi.DDPM_OK) {
        NativeApi.ddpm_graph_free(graph[0]);
      }
      temporaries.trim();
      throw e;
    } finally {
      BlockPool.endCapture();
    }
    Status.check(NativeApi.ddpm_capture_end(device.index(), graph));
    return new DeviceGraph(graph[0], temporaries);
  }

  /** Runs the ops, after all that the device has been asked to do. */
  public void run() {
    Status.check(NativeApi.ddpm_graph_run(graph));
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Status.check(NativeApi.ddpm_graph_free(graph));
      temporaries.trim();
    }
  }
}
