package io.github.ddpm4j;

import io.github.ddpm4j.files.AtomicFile;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The algorithms that {@code auto} takes for 3x3 convolutions with stride 1, by shape, as measured
 * on one machine; see {@link Device#setConvolution}. Immutable.
 *
 * <p>When {@link Device} is first used, it takes the table in the file that the system property
 * {@code ddpm4j.convolution.table} names, or in {@link #defaultFile}; {@code none} stands for no
 * table. A file that is not a table of this machine and version is logged as a warning and left
 * alone. Only {@link ConvolutionTuning} measures, when it is told to: nothing else spends seconds
 * on it.
 */
public final class ConvolutionTable {
  private static final Logger LOG = LoggerFactory.getLogger(ConvolutionTable.class);
  private static final String PROPERTY = "ddpm4j.convolution.table";

  /** Outputs along one side of a tile, as the native library knows the algorithms. */
  private static final Map<String, Integer> TILES =
      Map.of("direct", 0, "winograd2", 2, "winograd4", 4);

  private final Map<ConvolutionShape, String> algorithms;

  private ConvolutionTable(Map<ConvolutionShape, String> algorithms) {
    this.algorithms = Collections.unmodifiableMap(algorithms);
  }

  /**
   * A table.
   *
   * @param algorithms {@code direct}, {@code winograd2} or {@code winograd4}; shapes that are not
   *     there follow the rule that holds without a table
   * @throws InvalidArgumentException for another algorithm
   */
  public static ConvolutionTable of(Map<ConvolutionShape, String> algorithms) {
    algorithms.forEach(
        (shape, algorithm) -> {
          if (!TILES.containsKey(algorithm)) {
            throw new InvalidArgumentException(
                "algorithm of %s is '%s', expected direct, winograd2 or winograd4"
                    .formatted(shape, algorithm));
          }
        });
    return new ConvolutionTable(new LinkedHashMap<>(algorithms));
  }

  /** The algorithm of each shape. */
  public Map<ConvolutionShape, String> algorithms() {
    return algorithms;
  }

  /** This table with the choices of another, which replace those for the same shapes. */
  public ConvolutionTable with(ConvolutionTable other) {
    Map<ConvolutionShape, String> all = new LinkedHashMap<>(algorithms);
    all.putAll(other.algorithms);
    return new ConvolutionTable(all);
  }

  /**
   * Makes this the process's table. Results change by rounding errors where it chooses otherwise
   * than before; they depend neither on the batch nor on threads.
   */
  public void use() {
    int[] rows =
        algorithms.entrySet().stream()
            .flatMap(
                entry -> {
                  ConvolutionShape shape = entry.getKey();
                  return Stream.of(
                      shape.height(),
                      shape.width(),
                      shape.depth(),
                      shape.columns(),
                      TILES.get(entry.getValue()));
                })
            .mapToInt(Integer::intValue)
            .toArray();
    Status.check(NativeApi.ddpm_set_convolution_table(rows, algorithms.size()));
  }

  /** Where this machine's table is: in {@code ~/.cache/ddpm4j}, by instruction set and CPU. */
  public static Path defaultFile() {
    String name = "convolution-" + Device.cpuIsa() + "-" + cpu().replaceAll("[^A-Za-z0-9.]+", "-");
    return Path.of(System.getProperty("user.home"), ".cache", "ddpm4j", name + ".json");
  }

  /**
   * Reads what {@link #save} wrote.
   *
   * @throws CheckpointException if the file cannot be read, is not a table, or is one of another
   *     machine or version, with the difference
   */
  public static ConvolutionTable load(Path file) {
    JsonFields fields;
    try {
      fields = JsonFields.parse(file, Files.readString(file));
    } catch (IOException e) {
      CheckpointException failure = new CheckpointException(file, "file", "cannot be read: " + e);
      failure.initCause(e);
      throw failure;
    }
    origin().forEach((key, here) -> requireSame(fields, key, here));
    Map<ConvolutionShape, String> algorithms = new LinkedHashMap<>();
    try {
      fields
          .texts("algorithms")
          .forEach((shape, algorithm) -> algorithms.put(ConvolutionShape.parse(shape), algorithm));
      fields.finish();
      return of(algorithms);
    } catch (InvalidArgumentException e) {
      throw fields.problem("algorithms", e.getMessage());
    }
  }

  private static void requireSame(JsonFields fields, String key, String here) {
    String there = fields.text(key, "");
    if (!there.equals(here)) {
      throw fields.problem(
          key, "is '" + there + "', not '" + here + "'; ddpm4j tune measures anew");
    }
  }

  /**
   * Writes the table to a file, whole or not at all.
   *
   * @throws IOException if it cannot be written
   */
  public void save(Path file) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    algorithms.forEach((shape, algorithm) -> texts.put(shape.toString(), algorithm));
    Map<String, Object> json = new LinkedHashMap<>(origin());
    json.put("algorithms", texts);
    byte[] bytes = JsonFields.write(json).getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, out -> out.write(bytes));
  }

  /** What a table holds for. */
  private static Map<String, String> origin() {
    Map<String, String> origin = new LinkedHashMap<>();
    origin.put("version", Device.nativeVersion());
    origin.put("isa", Device.cpuIsa());
    origin.put("cpu", cpu());
    return origin;
  }

  /** Makes the table that a process begins with its own, if there is one. */
  static void useFirst() {
    String given = System.getProperty(PROPERTY);
    if ("none".equals(given)) {
      return;
    }
    try {
      Path file = given == null ? defaultFile() : Path.of(given);
      if (given != null || Files.exists(file)) {
        load(file).use();
      }
    } catch (DdpmException | InvalidPathException e) {
      LOG.warn("no convolution table is used: {}", e.getMessage());
    }
  }

  /** The CPU's name, as far as the system tells it. */
  private static String cpu() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }
}
