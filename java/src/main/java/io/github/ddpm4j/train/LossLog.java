package io.github.ddpm4j.train;

import io.github.ddpm4j.DdpmException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The loss of every step as CSV. It holds nothing that differs from run to run, no times: two runs
 * of one configuration write the same bytes.
 */
final class LossLog implements AutoCloseable {
  private static final String HEADER = "step,loss,gradient_norm,learning_rate";

  private final Path file;
  private final BufferedWriter writer;

  private LossLog(Path file, BufferedWriter writer) {
    this.file = file;
    this.writer = writer;
  }

  /**
   * Opens the log to go on after a step: rows of later steps, left by a run that was killed, are
   * cut.
   */
  static LossLog openAfter(Path file, long step) {
    try {
      List<String> rows = new ArrayList<>(List.of(HEADER));
      if (step > 0) {
        rows.addAll(Files.readAllLines(file).subList(1, Math.toIntExact(step + 1)));
      }
      Files.write(file, rows);
      return new LossLog(file, Files.newBufferedWriter(file, StandardOpenOption.APPEND));
    } catch (IOException | IndexOutOfBoundsException e) {
      throw new DdpmException(
          "loss log "
              + file
              + " cannot go on after step "
              + step
              + ": expected a row for each step up to it",
          e);
    }
  }

  void add(Trainer.StepResult result) {
    try {
      writer.write(
          result.step()
              + ","
              + result.loss()
              + ","
              + result.gradientNorm()
              + ","
              + result.learningRate()
              + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Makes sure that all rows are in the file; done before each checkpoint, which relies on them.
   */
  void flush() {
    try {
      writer.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The losses of all steps so far. */
  double[] losses() {
    flush();
    try (var lines = Files.lines(file)) {
      return lines.skip(1).mapToDouble(line -> Double.parseDouble(line.split(",")[1])).toArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
