package io.github.ddpm4j.train;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.files.AtomicFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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
  private final FileChannel channel;
  private final Writer writer;

  private LossLog(Path file) throws IOException {
    this.file = file;
    channel = FileChannel.open(file, StandardOpenOption.APPEND);
    writer = Channels.newWriter(channel, StandardCharsets.US_ASCII);
  }

  /**
   * Opens the log to go on after a step: rows of later steps, left by a run that was killed, are
   * cut.
   *
   * @throws DdpmException if rows up to the step are missing, or the file cannot be written
   */
  static LossLog openAfter(Path file, long step) {
    try {
      List<String> rows = step == 0 ? List.of(HEADER) : rowsTo(file, step);
      AtomicFile.write(
          file,
          out -> out.write((String.join("\n", rows) + "\n").getBytes(StandardCharsets.US_ASCII)));
      return new LossLog(file);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  private static List<String> rowsTo(Path file, long step) throws IOException {
    List<String> rows = new ArrayList<>();
    try (var lines = Files.lines(file)) {
      lines.limit(step + 1).forEach(rows::add);
    }
    if (rows.size() <= step || !rows.get(rows.size() - 1).startsWith(step + ",")) {
      throw new DdpmException(
          "loss log "
              + file
              + " cannot go on after step "
              + step
              + ": expected a row for each step up to it");
    }
    return rows;
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
      throw failure(file, e);
    }
  }

  /** Forces all rows to disk; done before each checkpoint, which relies on them. */
  void flush() {
    try {
      writer.flush();
      channel.force(false);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /** The losses of all steps so far, none if there are none. */
  double[] losses() {
    flush();
    try {
      return losses(file);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /**
   * The losses of a log, at least one.
   *
   * @throws DataFormatException if the file is not a log, or empty
   */
  static double[] read(Path file) {
    try {
      double[] losses = losses(file);
      if (losses.length == 0) {
        throw new DataFormatException(file, "holds no steps, expected at least 1");
      }
      return losses;
    } catch (IOException e) {
      throw new DataFormatException(file, "cannot be read: " + e);
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw new DataFormatException(file, "is not a log of losses, expected rows of " + HEADER);
    }
  }

  private static double[] losses(Path file) throws IOException {
    try (var lines = Files.lines(file)) {
      return lines.skip(1).mapToDouble(line -> Double.parseDouble(line.split(",")[1])).toArray();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  private static DdpmException failure(Path file, IOException e) {
    return new DdpmException("loss log " + file + " cannot be read or written: " + e, e);
  }
}
