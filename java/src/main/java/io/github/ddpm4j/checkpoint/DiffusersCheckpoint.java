package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.files.AtomicFile;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.NetworkConfig;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model in the layout of Hugging Face's diffusers: {@code config.json}, {@code
 * scheduler_config.json} and the weights, in one folder or in folders {@code unet} and {@code
 * scheduler}. Weights are in {@code diffusion_pytorch_model.safetensors}, or {@code .bin}, or in
 * several files with an index.
 *
 * <p>Reading one checks both configurations and the header of the weights; {@link #unet} reads the
 * weights themselves.
 */
public final class DiffusersCheckpoint {
  private static final String CONFIG = "config.json";
  private static final String SCHEDULER_CONFIG = "scheduler_config.json";
  private static final String MODEL_INDEX = "model_index.json";
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final String BUNDLED = "/io/github/ddpm4j/models/";

  /** Names of files with weights, the one to take first. */
  private static final List<String> WEIGHT_FILES =
      List.of(
          WEIGHTS,
          WEIGHTS + ".index.json",
          "diffusion_pytorch_model.bin",
          "diffusion_pytorch_model.bin.index.json",
          "diffusion_pytorch_model.pt",
          "diffusion_pytorch_model.fp16.safetensors",
          "diffusion_pytorch_model.fp16.bin");

  /** Parts of a pipeline that is a U-Net and its scheduler. */
  private static final Set<String> PARTS = Set.of("unet", "scheduler");

  private final Path folder;
  private final NetworkConfig config;
  private final SchedulerConfig scheduler;
  private final TensorFile weights;

  private DiffusersCheckpoint(
      Path folder, NetworkConfig config, SchedulerConfig scheduler, TensorFile weights) {
    this.folder = folder;
    this.config = config;
    this.scheduler = scheduler;
    this.weights = weights;
  }

  /**
   * Reads a folder.
   *
   * @param path the folder, or one of the files with weights that are in it
   * @throws CheckpointException if a file is missing or wrong, or a configuration cannot be
   *     honoured: names the file, the key, and what was expected
   */
  public static DiffusersCheckpoint read(Path path) {
    boolean file = Files.isRegularFile(path);
    Path folder = file ? path.toAbsolutePath().getParent() : path;
    requireKnownParts(folder.resolve(MODEL_INDEX));
    NetworkConfig network = network(folder);
    SchedulerConfig scheduler = scheduler(folder);
    Path weights = file ? path : weightsBeside(find(folder, "unet", CONFIG));
    return new DiffusersCheckpoint(folder, network, scheduler, TensorFile.open(weights));
  }

  /**
   * Checks the configurations of a folder whose weights are not there yet.
   *
   * @throws CheckpointException if one cannot be honoured: names the file, the key, and what was
   *     expected
   */
  public static void requireSupported(Path folder) {
    requireKnownParts(folder.resolve(MODEL_INDEX));
    network(folder);
    scheduler(folder);
  }

  private static NetworkConfig network(Path folder) {
    Path file = find(folder, "unet", CONFIG);
    if (file == null) {
      throw missing(folder, CONFIG, "unet");
    }
    return NetworkConfig.fromJson(file, TextFile.read(file));
  }

  private static SchedulerConfig scheduler(Path folder) {
    Path file = find(folder, "scheduler", SCHEDULER_CONFIG);
    return file == null ? null : SchedulerConfig.fromJson(file, TextFile.read(file));
  }

  /** A file in the folder itself, or else in its part; null if there is none. */
  private static Path find(Path folder, String part, String file) {
    Path inner = folder.resolve(part).resolve(file);
    Path outer = folder.resolve(file);
    return Files.exists(outer) ? outer : Files.exists(inner) ? inner : null;
  }

  private static CheckpointException missing(Path folder, String file, String part) {
    return new CheckpointException(
        folder, file, "is missing, expected in this folder or in its folder " + part);
  }

  private static Path weightsBeside(Path config) {
    for (String name : WEIGHT_FILES) {
      Path file = config.resolveSibling(name);
      if (Files.exists(file)) {
        return file;
      }
    }
    throw new CheckpointException(
        config.resolveSibling(WEIGHTS),
        "file",
        "is missing, expected one of " + String.join(", ", WEIGHT_FILES));
  }

  /** Without its other parts, such as a decoder of latent images, a pipeline makes no images. */
  private static void requireKnownParts(Path index) {
    if (Files.exists(index)) {
      JsonFields fields = JsonFields.parse(index, TextFile.read(index));
      for (String part : fields.keys()) {
        if (!PARTS.contains(part)) {
          throw fields.problem(
              part, "is a part that ddpm4j does not know; supported: unet, scheduler");
        }
      }
    }
  }

  /** Names that a file of weights may have; the first that is there is read. */
  public static List<String> weightFiles() {
    return WEIGHT_FILES;
  }

  /**
   * A model that comes with the library.
   *
   * @param name for example {@code mnist}
   * @throws InvalidArgumentException if there is none of this name
   */
  public static DiffusersCheckpoint bundled(String name) {
    Path folder = Path.of("classpath:" + BUNDLED + name);
    if (!name.matches("[a-z0-9-]+")
        || DiffusersCheckpoint.class.getResource(BUNDLED + name + "/" + CONFIG) == null) {
      throw new InvalidArgumentException("no model named '" + name + "' comes with ddpm4j");
    }
    try (InputStream config = resource(name, CONFIG);
        InputStream scheduler = resource(name, SCHEDULER_CONFIG);
        InputStream weights = resource(name, WEIGHTS)) {
      return new DiffusersCheckpoint(
          folder,
          NetworkConfig.fromJson(folder.resolve(CONFIG), utf8(config)),
          SchedulerConfig.fromJson(folder.resolve(SCHEDULER_CONFIG), utf8(scheduler)),
          Safetensors.read(folder.resolve(WEIGHTS), weights));
    } catch (IOException e) {
      throw failure(folder, "cannot be read: " + e, e);
    }
  }

  private static InputStream resource(String name, String file) throws IOException {
    InputStream in = DiffusersCheckpoint.class.getResourceAsStream(BUNDLED + name + "/" + file);
    if (in == null) {
      throw new IOException(file + " is missing");
    }
    return in;
  }

  private static String utf8(InputStream in) throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  private static CheckpointException failure(Path file, String problem, IOException cause) {
    CheckpointException failure = new CheckpointException(file, "file", problem);
    failure.initCause(cause);
    return failure;
  }

  /** Configuration of the network. */
  public NetworkConfig config() {
    return config;
  }

  /**
   * Configuration of the scheduler.
   *
   * @throws CheckpointException if there is none
   */
  public SchedulerConfig scheduler() {
    if (scheduler == null) {
      throw missing(folder, SCHEDULER_CONFIG, "scheduler");
    }
    return scheduler;
  }

  /**
   * The network with its weights, on a device. The caller closes it.
   *
   * @throws CheckpointException if a tensor is missing, unexpected, of another shape, or holds a
   *     number that is not finite
   */
  public UNet unet(Device device) {
    // Before there is memory for it: a configuration alone may ask for any amount.
    UNet unet =
        UNet.empty(config, device, parameters -> WeightFile.requireFit(weights, parameters));
    try {
      WeightFile.read(weights, unet.parameters());
      return unet;
    } catch (RuntimeException e) {
      unet.close();
      throw e;
    }
  }

  /**
   * Writes a model into a folder, as diffusers reads it. Each file is written whole or not at all,
   * the weights last.
   *
   * @throws CheckpointException if a file cannot be written
   */
  public static void write(Path folder, UNet unet, SchedulerConfig scheduler) {
    write(folder, unet, unet.parameters().values(), scheduler);
  }

  /**
   * Writes a model with other values of its parameters, such as an average over training.
   *
   * @param values laid out as {@link io.github.ddpm4j.unet.layers.Parameters#values}
   */
  public static void write(Path folder, UNet unet, Tensor values, SchedulerConfig scheduler) {
    write(folder.resolve(CONFIG), unet.config().toJson());
    write(folder.resolve(SCHEDULER_CONFIG), scheduler.toJson());
    if (unet.config() instanceof UNetConfig) {
      write(folder.resolve(MODEL_INDEX), modelIndex());
    }
    WeightFile.write(folder.resolve(WEIGHTS), unet.parameters().views(values));
  }

  /** What makes the folder a pipeline: {@code DDPMPipeline.from_pretrained(folder)}. */
  private static String modelIndex() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("_class_name", "DDPMPipeline");
    json.put("scheduler", List.of("diffusers", "DDPMScheduler"));
    json.put("unet", List.of("diffusers", UNetConfig.CLASS_NAME));
    return JsonFields.write(json);
  }

  private static void write(Path file, String text) {
    try {
      AtomicFile.write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw failure(file, "cannot be written: " + e, e);
    }
  }
}
