package io.github.ddpm4j.benchmarks;

/** One implementation of the work of a {@link Case}. */
interface Contender extends AutoCloseable {
  /** As it is printed: {@code ddpm4j}, {@code onnxruntime}. */
  String name();

  /** Does the work once; this is what is timed. */
  void run();

  /** Does the work once and gives its result, in an order that all contenders of a case share. */
  float[] result();

  @Override
  void close();
}
