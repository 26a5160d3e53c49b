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

/**
 * A model in the layout of Hugging Face's diffusers: {@code config.json}, {@code
 * scheduler_config.json} and {@code diffusion_pytorch_model.safetensors}, in one folder or in
 * folders {@code unet} and {@code scheduler}.
 *
 * <p>Reading one checks both configurations and the header of the weights; {@link #unet} reads the
 * weights themselves.
 */
public final class DiffusersCheckpoint {
  private static final String CONFIG = "config.json";
  private static final String SCHEDULER_CONFIG = "scheduler_config.json";
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final String MODEL_INDEX = "model_index.json";
  private static final String BUNDLED = "/io/github/ddpm4j/models/";

  private final NetworkConfig config;
  private final SchedulerConfig scheduler;
  private final Path weightFile;
  private final Safetensors weights;

  private DiffusersCheckpoint(
      NetworkConfig config, SchedulerConfig scheduler, Path weightFile, Safetensors weights) {
    this.config = config;
    this.scheduler = scheduler;
    this.weightFile = weightFile;
    this.weights = weights;
  }

  /**
   * Reads a folder.
   *
   * @throws CheckpointException if a file is missing or wrong, or a configuration cannot be
   *     honoured: names the file, the key, and what was expected
   */
  public static DiffusersCheckpoint read(Path folder) {
    Path unet = holding(folder, "unet", CONFIG);
    Path schedulerConfig = holding(folder, "scheduler", SCHEDULER_CONFIG).resolve(SCHEDULER_CONFIG);
    Path config = unet.resolve(CONFIG);
    Path weightFile = unet.resolve(WEIGHTS);
    NetworkConfig network = NetworkConfig.fromJson(config, text(config));
    SchedulerConfig scheduler = SchedulerConfig.fromJson(schedulerConfig, text(schedulerConfig));
    if (!Files.exists(weightFile)) {
      throw new CheckpointException(
          weightFile, "file", "is missing; weights are read from safetensors files only");
    }
    return new DiffusersCheckpoint(network, scheduler, weightFile, Safetensors.read(weightFile));
  }

  /** The folder itself, or its part if the file is only there. */
  private static Path holding(Path folder, String part, String file) {
    Path inner = folder.resolve(part);
    if (Files.exists(folder.resolve(file))) {
      return folder;
    }
    if (Files.exists(inner.resolve(file))) {
      return inner;
    }
    throw new CheckpointException(
        folder, file, "is missing, expected in this folder or in its folder " + part);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw failure(file, "cannot be read: " + e, e);
    }
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
    Path weightFile = folder.resolve(WEIGHTS);
    try (InputStream config = resource(name, CONFIG);
        InputStream scheduler = resource(name, SCHEDULER_CONFIG);
        InputStream weights = resource(name, WEIGHTS)) {
      return new DiffusersCheckpoint(
          NetworkConfig.fromJson(folder.resolve(CONFIG), utf8(config)),
          SchedulerConfig.fromJson(folder.resolve(SCHEDULER_CONFIG), utf8(scheduler)),
          weightFile,
          Safetensors.read(weightFile, weights));
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

  /** Configuration of the scheduler. */
  public SchedulerConfig scheduler() {
    return scheduler;
  }

  /**
   * The network with its weights, on a device. The caller closes it.
   *
   * @throws CheckpointException if a tensor is missing, unexpected, of another shape, or holds a
   *     number that is not finite
   */
  public UNet unet(Device device) {
    UNet unet = UNet.empty(config, device);
    try {
      WeightFile.read(weightFile, weights, unet.parameters());
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
