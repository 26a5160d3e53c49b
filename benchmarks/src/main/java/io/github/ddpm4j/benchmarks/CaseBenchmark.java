package io.github.ddpm4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One contender of one case, for JMH's profilers; {@link Compare} takes contenders in turn. */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 2)
@Fork(1)
@State(Scope.Benchmark)
public class CaseBenchmark {
  @Param("mnist-forward-f32-b1")
  public String name;

  @Param("ddpm4j")
  public String contender;

  private Case opened;
  private Contender chosen;

  /** Opens the case and checks its results. */
  @Setup
  public void open() {
    opened = Cases.open(name);
    opened.check();
    chosen =
        opened.contenders().stream()
            .filter(one -> one.name().equals(contender))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("no contender " + contender));
  }

  @TearDown
  public void close() {
    opened.close();
  }

  @Benchmark
  public void run() {
    chosen.run();
  }
}
