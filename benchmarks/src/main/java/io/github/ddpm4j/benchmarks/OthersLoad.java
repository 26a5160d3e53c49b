package io.github.ddpm4j.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** How many cores others on the machine use, from its creation on: with some, times say little. */
final class OthersLoad {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /** Linux counts in hundredths of a second, whatever the kernel's own clock. */
  private static final double TICK = 0.01;

  private static final int IDLE = 4;
  private static final int IO_WAIT = 5;
  private static final int STEAL = 8;

  private final long start = System.nanoTime();
  private final double busy = busy();
  private final double own = own();

  double cores() {
    double seconds = (System.nanoTime() - start) * 1e-9;
    return Math.max(0, (busy() - busy - (own() - own)) / seconds);
  }

  private static double own() {
    return SYSTEM.getProcessCpuTime() * 1e-9;
  }

  /** Seconds in which the machine's cores had work. */
  private static double busy() {
    String[] fields;
    try {
      fields = Files.readAllLines(Path.of("/proc/stat")).get(0).split("\\s+");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    double ticks = 0;
    for (int i = 1; i <= STEAL; i++) {
      ticks += i == IDLE || i == IO_WAIT ? 0 : Double.parseDouble(fields[i]);
    }
    return ticks * TICK;
  }
}
