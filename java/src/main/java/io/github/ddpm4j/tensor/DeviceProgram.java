package io.github.ddpm4j.tensor;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import java.util.function.IntConsumer;

/**
 * What the steps of a sampler do with images on a CUDA device, recorded ahead of the first: {@link
 * #run} does the next step, whose ops, coefficients and draws of noise it finds in the device's
 * memory. So a {@link DeviceGraph} that was captured once goes on from step to step.
 *
 * <p>Scopes that the steps open and close may be: their memory stays the program's. Those of all
 * other tensors that the steps use must stay open as long as the program is run. For one thread at
 * a time.
 */
public final class DeviceProgram implements AutoCloseable {
  private final long program;
  private final BlockPool temporaries;
  private boolean closed;

  private DeviceProgram(long program, BlockPool temporaries) {
    this.program = program;
    this.temporaries = temporaries;
  }

  /**
   * Records the ops that are called on a device by the calling thread; none of them runs.
   *
   * @param images shape of what the ops work on, [N,...]
   * @param step calls the ops of a step, numbered from 0: linear combinations, reverse steps,
   *     Philox noise, scaling, copies and fills of whole tensors of images' shape, and fills of [N]
   * @throws io.github.ddpm4j.NotSupportedException for other ops, and for the CPU
   */
  public static DeviceProgram record(Device device, Shape images, int steps, IntConsumer step) {
    int count = images.dim(0);
    Status.check(NativeApi.ddpm_program_begin(device.index(), count, images.count() / count));
    BlockPool temporaries = BlockPool.beginCapture(device);
    long[] program = new long[1];
    try {
      for (int i = 0; i < steps; i++) {
        Status.check(NativeApi.ddpm_program_step(device.index()));
        step.accept(i);
      }
    } catch (RuntimeException | Error e) {
      // The recording must end, whatever becomes of it.
      if (NativeApi.ddpm_program_end(device.index(), program) == NativeApi.DDPM_OK) {
        NativeApi.ddpm_program_free(program[0]);
      }
      temporaries.trim();
      throw e;
    } finally {
      BlockPool.endCapture();
    }
    Status.check(NativeApi.ddpm_program_end(device.index(), program));
    return new DeviceProgram(program[0], temporaries);
  }

  /** Does the next step, after all that the device has been asked to do; nothing after the last. */
  public void run() {
    Status.check(NativeApi.ddpm_program_run(program));
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Status.check(NativeApi.ddpm_program_free(program));
      temporaries.trim();
    }
  }
}
