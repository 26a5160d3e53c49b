package io.github.ddpm4j.serve;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * What the page works with: networks, MNIST and CIFAR-10 where they are at hand, and samplers.
 * Closes them.
 */
public final class Workbench implements AutoCloseable {
  static final int MOST_IMAGES = 64;

  /** Pixel values of a run's images, at most: bounds its events, as of larger models. */
  private static final int MOST_VALUES = 1 << 20;

  private final Map<String, Denoiser> denoisers = new LinkedHashMap<>();
  private final Map<String, Network> networks = new LinkedHashMap<>();
  private final Map<String, BiFunction<SchedulerConfig, Integer, Sampler>> samplers;

  /**
   * @param models by the name to show, at least one; an optimal denoiser takes the first one's
   *     noise schedule unless a request names another
   * @param samplers by name, each made of a model's scheduler and a number of steps
   * @param data where data sets are looked for, as {@link io.github.ddpm4j.data.DataFolder#find}
   *     does; may be null
   */
  public Workbench(
      Map<String, DiffusionModel> models,
      Map<String, BiFunction<SchedulerConfig, Integer, Sampler>> samplers,
      Path data) {
    if (models.isEmpty()) {
      throw new InvalidArgumentException("no model given, expected at least one");
    }
    models.forEach((name, model) -> add(Network.of(name, model)));
    TrainingSet.all(data).forEach(set -> denoisers.put(set.id(), set));
    this.samplers = new LinkedHashMap<>(samplers);
  }

  private void add(Network network) {
    networks.put(network.id(), network);
    denoisers.put(network.id(), network);
  }

  /** The denoiser that a request names. */
  Denoiser denoiser(Fields fields) {
    Denoiser denoiser = denoisers.get(fields.choice("denoiser", null, denoisers.keySet()));
    if (denoiser.problem() != null) {
      throw new InvalidArgumentException(
          "denoiser is \"" + denoiser.id() + "\", which cannot be had: " + denoiser.problem());
    }
    return denoiser;
  }

  /** The network whose scheduler a request takes: a network's own one. */
  Network scheduler(Fields fields, Denoiser denoiser) {
    if (denoiser instanceof Network network) {
      fields.choice("scheduler", network.id(), List.of(network.id()));
      return network;
    }
    String first = networks.keySet().iterator().next();
    return networks.get(fields.choice("scheduler", first, networks.keySet()));
  }

  /** The sampler that a request names, or the default one of the network's scheduler. */
  Sampler sampler(Fields fields, Network scheduler) {
    DiffusionModel model = scheduler.model();
    int most = model.schedule().steps();
    int steps = fields.integer("steps", Math.min(50, most), 1, most);
    if (!fields.has("sampler")) {
      return model.defaultSampler(steps);
    }
    String name = fields.choice("sampler", null, samplers.keySet());
    return samplers.get(name).apply(model.scheduler(), steps);
  }

  /** The training images of a shape that are at hand, or null. */
  TrainingSet trainingSet(Shape image) {
    for (Denoiser denoiser : denoisers.values()) {
      if (denoiser instanceof TrainingSet set
          && set.problem() == null
          && set.image().equals(image)) {
        return set;
      }
    }
    return null;
  }

  static int mostImages(Shape image) {
    return (int) Math.max(1, Math.min(MOST_IMAGES, MOST_VALUES / image.count()));
  }

  /** All that is offered, for the page. */
  Map<String, Object> describe() {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Denoiser denoiser : denoisers.values()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("id", denoiser.id());
      entry.put("label", denoiser.label());
      entry.put("height", denoiser.image().dim(0));
      entry.put("width", denoiser.image().dim(1));
      entry.put("channels", denoiser.image().dim(2));
      entry.put("mostImages", mostImages(denoiser.image()));
      entry.put("problem", denoiser.problem());
      if (denoiser instanceof Network network) {
        entry.put("timesteps", network.model().schedule().steps());
      }
      entry.put("trainingImages", trainingSet(denoiser.image()) != null);
      all.add(entry);
    }
    return Map.of("denoisers", all, "samplers", samplers.keySet());
  }

  @Override
  public void close() {
    for (Denoiser denoiser : denoisers.values()) {
      if (denoiser instanceof TrainingSet set) {
        set.close();
      } else if (denoiser instanceof Network network) {
        network.model().close();
      }
    }
  }
}
