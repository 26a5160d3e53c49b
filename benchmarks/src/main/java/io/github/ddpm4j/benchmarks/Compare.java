package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DeviceException;
import io.github.ddpm4j.Roofline;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Compares ddpm4j with its peers case by case: results first, then times, in turn, and prints a
 * line of the medians. The arguments are cases, with * for anything.
 *
 * <p>System properties: {@code threads} of all contenders; {@code seconds} for the times of a case,
 * after as many to warm up; {@code clock}, {@code wall}, or {@code cpu} for the processor time of
 * the calling thread, which says more on a busy machine, and all where the contenders have one
 * thread.
 */
public final class Compare {
  private static final int FEWEST_ROUNDS = 3;
  private static final int MOST_ROUNDS = 200;

  /** Repetitions go on for so long, as the steps of a sampler do. */
  private static final double SAMPLE_SECONDS = 0.1;

  /**
   * What takes less runs once before it is timed: it finds its data and threads where others left
   * them.
   */
  private static final double WARMED_SECONDS = 1;

  /** Long enough for threads of others to go to sleep. */
  private static final long PAUSE_MILLIS = 10;

  private final double seconds = Double.parseDouble(System.getProperty("seconds", "5"));
  private final boolean cpuTime = System.getProperty("clock", "wall").equals("cpu");

  private Compare() {}

  public static void main(String[] patterns) {
    if (System.getProperty("threads") != null) {
      Device.setThreads(Integer.getInteger("threads"));
    }
    Compare compare = new Compare();
    if (compare.cpuTime && Device.threads() != 1) {
      throw new IllegalArgumentException("clock is cpu, expected one thread");
    }
    List<String> failed = new ArrayList<>();
    for (String pattern : patterns.length == 0 ? new String[] {"*"} : patterns) {
      for (String name : Cases.matching(pattern)) {
        try (Case opened = Cases.open(name)) {
          System.out.println(compare.line(name, opened));
        } catch (DeviceException e) {
          System.out.println("left out: case=" + name + ": " + e.getMessage());
        } catch (RuntimeException e) {
          System.err.println("case=" + name + " failed: " + e);
          failed.add(name);
        }
      }
    }
    // libtorch's and ONNX Runtime's threads must not keep the process.
    System.exit(failed.isEmpty() ? 0 : 1);
  }

  private String line(String name, Case opened) {
    double error = opened.check();
    boolean onCpu = opened.device().isCpu();
    Roofline roofline = onCpu ? Roofline.measure() : null;
    OthersLoad others = new OthersLoad();
    Map<Contender, Double> times = time(opened.contenders());
    double load = others.cores();
    Contender ours = opened.contenders().get(0);
    List<Contender> peers = opened.contenders().subList(1, opened.contenders().size());
    Contender best = Collections.min(peers, (a, b) -> Double.compare(times.get(a), times.get(b)));
    double rate = opened.flop() / times.get(ours);
    StringBuilder line =
        new StringBuilder(
            String.format(
                Locale.ROOT,
                "case=%s %s clock=%s ours_ms=%.4g peer=%s peer_ms=%.4g ratio=%.2f gflops=%.1f"
                    + " intensity=%.3g max_err=%.1e others_cores=%.1f",
                name,
                onCpu
                    ? "threads=" + Device.threads() + " isa=" + Device.cpuIsa()
                    : "device=" + opened.device().name().replace(' ', '_'),
                cpuTime ? "cpu" : "wall",
                times.get(ours) * 1e3,
                best.name(),
                times.get(best) * 1e3,
                times.get(best) / times.get(ours),
                rate * 1e-9,
                opened.flop() / opened.bytes(),
                error,
                load));
    if (onCpu) {
      line.append(
          String.format(
              Locale.ROOT,
              " peak_gflops=%.1f peak_share=%.2f bandwidth_gbs=%.1f",
              roofline.flops() * 1e-9,
              rate / roofline.flops(),
              roofline.bytesPerSecond() * 1e-9));
    }
    for (Contender peer : peers) {
      line.append(String.format(Locale.ROOT, " %s_ms=%.4g", peer.name(), times.get(peer) * 1e3));
    }
    return line.toString();
  }

  /** Median seconds of every contender. */
  private Map<Contender, Double> time(List<Contender> contenders) {
    Map<Contender, Integer> repeats = new HashMap<>();
    Set<Contender> warmed = new HashSet<>();
    Map<Contender, List<Double>> samples = new HashMap<>();
    for (Contender contender : contenders) {
      contender.run();
      double once = sample(contender, 1);
      if (once < WARMED_SECONDS) {
        warmed.add(contender);
      }
      repeats.put(contender, (int) Math.max(1, Math.min(1e5, SAMPLE_SECONDS / once)));
      samples.put(contender, new ArrayList<>());
    }
    // What Java compiles is compiled by then: that takes the cores from whoever comes first.
    long start = System.nanoTime();
    while ((System.nanoTime() - start) * 1e-9 < seconds) {
      contenders.forEach(Contender::run);
    }
    start = System.nanoTime();
    for (int round = 0;
        round < FEWEST_ROUNDS
            || round < MOST_ROUNDS && (System.nanoTime() - start) * 1e-9 < seconds;
        round++) {
      for (int i = 0; i < contenders.size(); i++) {
        // Each begins a round in turn: none is always the one behind another.
        Contender contender = contenders.get((i + round) % contenders.size());
        pause();
        if (warmed.contains(contender)) {
          contender.run();
        }
        samples.get(contender).add(sample(contender, repeats.get(contender)));
      }
    }
    Map<Contender, Double> medians = new HashMap<>();
    samples.forEach((contender, all) -> medians.put(contender, median(all)));
    return medians;
  }

  private double sample(Contender contender, int repeats) {
    double start = now();
    for (int i = 0; i < repeats; i++) {
      contender.run();
    }
    return (now() - start) / repeats;
  }

  private double now() {
    return 1e-9
        * (cpuTime
            ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime()
            : System.nanoTime());
  }

  private static double median(List<Double> samples) {
    return samples.stream().sorted().skip((samples.size() - 1) / 2).findFirst().orElseThrow();
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
