package io.github.ddpm4j.unet;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.checkpoint.WeightFiles;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.layers.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Makes what lies under {@code src/test/resources/reference}: models with seeded weights, and
 * libtorch's float32 predictions, layers and trajectories of them. The weights are drawn in
 * checkpoints' order and go to libtorch and to disk without our network between.
 *
 * <p>Not a test; it is run by {@code mvn -pl java test -Dtest=ReferenceRecordings
 * -Drecordings=src/test/resources/reference}.
 */
class ReferenceRecordings {
  private static final int IMAGES = 2;

  /**
   * A model to record.
   *
   * @param form how its folder is laid out
   * @param layers whether all layers are recorded
   * @param steps of the trajectory
   * @param eta of DDIM, or -1 for DDPM
   */
  record Model(
      String name,
      UNetConfig config,
      SchedulerConfig scheduler,
      WeightFiles form,
      boolean layers,
      int steps,
      double eta) {}

  @Test
  @EnabledIfSystemProperty(named = "recordings", matches = ".+")
  void writeAll() throws IOException {
    for (Model model : ReferenceModels.all()) {
      write(model, Path.of(System.getProperty("recordings")).resolve(model.name()));
    }
  }

  static void write(Model model, Path folder) throws IOException {
    UNetConfig config = model.config();
    Random random = new Random(model.name().hashCode());
    Map<String, Safetensors.Array> weights = weights(model, random);
    Files.createDirectories(folder);
    model.form().write(folder, config.toJson(), model.scheduler().toJson(), weights);
    Map<String, Safetensors.Array> recording = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    try (PointerScope pointers = new PointerScope()) {
      TorchUNet network = new TorchUNet(config, weights, torch.ScalarType.Float);
      predict(model, random, network, weights, recording, metadata);
      if (model.steps() > 0) {
        walk(model, random, weights, recording, metadata);
      }
    }
    Safetensors.write(folder.resolve("recording.safetensors"), recording, metadata);
  }

  /** Weights that keep activations about as large as they are. */
  private static Map<String, Safetensors.Array> weights(Model model, Random random) {
    Map<String, Safetensors.Array> weights = new LinkedHashMap<>();
    try (UNet names = UNet.empty(model.config(), Device.cpu())) {
      for (Parameter parameter : names.parameters().list()) {
        Shape shape = parameter.checkpointShape();
        float[] values = TestConfigs.gaussians(random, (int) shape.count());
        boolean norm = parameter.name().contains("norm") && parameter.name().endsWith("weight");
        double scale =
            shape.rank() == 1 ? 0.1 : 1 / Math.sqrt((double) shape.count() / shape.dim(0));
        for (int i = 0; i < values.length; i++) {
          values[i] = model.form().rounded((float) ((norm ? 1 : 0) + scale * values[i]));
        }
        weights.put(parameter.name(), new Safetensors.Array(shape, values));
      }
    }
    return weights;
  }

  private static void predict(
      Model model,
      Random random,
      TorchUNet network,
      Map<String, Safetensors.Array> weights,
      Map<String, Safetensors.Array> recording,
      Map<String, String> metadata) {
    Shape pictures = pictures(model.config(), IMAGES);
    float[] pixels = TestConfigs.gaussians(random, (int) pictures.count());
    float[] times = {random.nextInt(1000), random.nextInt(1000)};
    Shape labelShape = model.config().labelShape(IMAGES);
    float[] labels =
        labelShape == null
            ? null
            : labelShape.rank() == 1
                ? new float[] {2, 7}
                : TestConfigs.gaussians(random, (int) labelShape.count());
    Tensor output = forward(network, pixels, pictures, times, labels, labelShape);
    put(recording, "input", pictures, pixels);
    put(recording, "timestep", Shape.of(IMAGES), times);
    if (labels != null) {
      put(recording, "class_labels", labelShape, labels);
    }
    put(recording, "output", output);
    if (model.layers()) {
      network.layers().forEach((name, value) -> put(recording, "layers." + name, value));
    }
    TorchUNet exact = new TorchUNet(model.config(), weights, torch.ScalarType.Double);
    double error =
        NumericalError.relative(
            TorchNetwork.values(output),
            TorchNetwork.values(forward(exact, pixels, pictures, times, labels, labelShape)));
    metadata.put("output_error", number(error));
  }

  private static Tensor forward(
      TorchUNet network,
      float[] pixels,
      Shape pictures,
      float[] times,
      float[] labels,
      Shape labelShape) {
    return network.forward(
        network.tensor(pixels, pictures.toArray()),
        network.tensor(times, times.length),
        labels == null ? null : network.tensor(labels, labelShape.toArray()));
  }

  private static void walk(
      Model model,
      Random random,
      Map<String, Safetensors.Array> weights,
      Map<String, Safetensors.Array> recording,
      Map<String, String> metadata) {
    int steps = model.steps();
    int[] dims = pictures(model.config(), 1).toArray();
    Shape all = Shape.of(steps, dims[0], dims[1], dims[2], dims[3]);
    float[] x = TestConfigs.gaussians(random, (int) (all.count() / steps));
    float[] noise = TestConfigs.gaussians(random, (int) all.count());
    double[] states = walk(model, weights, torch.ScalarType.Float, x, noise);
    List<Integer> timesteps = TorchScheduler.leading(model.scheduler(), steps);
    float[] starts = new float[steps];
    for (int i = 0; i < steps; i++) {
      starts[i] = timesteps.get(i);
    }
    put(recording, "trajectory", all.withFirst(steps + 1), NumericalError.narrowed(states));
    put(recording, "timesteps", Shape.of(steps), starts);
    if (model.eta() != 0) {
      put(recording, "noise", all, noise);
    }
    double[] exact = walk(model, weights, torch.ScalarType.Double, x, noise);
    metadata.put("trajectory_error", number(largestOfSteps(states, exact, x.length)));
    metadata.put("sampler", model.eta() < 0 ? "ddpm" : "ddim");
    if (model.eta() >= 0) {
      metadata.put("eta", "" + model.eta());
    }
  }

  /** x_T and x after each step; in double precision without any rounding to float32. */
  private static double[] walk(
      Model model,
      Map<String, Safetensors.Array> weights,
      torch.ScalarType type,
      float[] start,
      float[] noise) {
    boolean exact = type == torch.ScalarType.Double;
    int size = start.length;
    List<Integer> timesteps = TorchScheduler.leading(model.scheduler(), model.steps());
    TorchScheduler scheduler = new TorchScheduler(model.scheduler(), model.eta(), timesteps, exact);
    double[] states = new double[(model.steps() + 1) * size];
    System.arraycopy(NumericalError.widened(start), 0, states, 0, size);
    int[] pictures = pictures(model.config(), 1).toArray();
    try (PointerScope pointers = new PointerScope()) {
      TorchUNet network = new TorchUNet(model.config(), weights, type);
      Tensor x = network.tensor(start, pictures);
      for (int i = 0; i < model.steps(); i++) {
        Tensor t = network.tensor(new float[] {timesteps.get(i)}, 1);
        float[] z = Arrays.copyOfRange(noise, i * size, (i + 1) * size);
        Tensor output = network.forward(x, t, null);
        x = scheduler.step(i, x, output, network.tensor(z, pictures));
        System.arraycopy(TorchNetwork.values(x), 0, states, (i + 1) * size, size);
      }
    }
    return states;
  }

  private static double largestOfSteps(double[] states, double[] exact, int size) {
    double largest = 0;
    for (int i = 0; i < states.length; i += size) {
      largest =
          Math.max(
              largest,
              NumericalError.relative(
                  Arrays.copyOfRange(states, i, i + size), Arrays.copyOfRange(exact, i, i + size)));
    }
    return largest;
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2e", value);
  }

  private static Shape pictures(UNetConfig config, int images) {
    return Shape.of(images, config.inChannels(), config.sampleHeight(), config.sampleWidth());
  }

  private static void put(Map<String, Safetensors.Array> recording, String name, Tensor tensor) {
    int[] dims = new int[(int) tensor.dim()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = (int) tensor.size(i);
    }
    put(recording, name, Shape.of(dims), NumericalError.narrowed(TorchNetwork.values(tensor)));
  }

  private static void put(
      Map<String, Safetensors.Array> recording, String name, Shape shape, float[] values) {
    recording.put(name, new Safetensors.Array(shape, values));
  }
}
