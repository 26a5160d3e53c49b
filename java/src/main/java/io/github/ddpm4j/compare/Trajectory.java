package io.github.ddpm4j.compare;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The recorded way from noise to images, walked again from the same x_T with the same noise. */
final class Trajectory {
  private final Recording recording;
  private final Shape images;
  private final int steps;
  private final float[] states;

  Trajectory(Recording recording) {
    this.recording = recording;
    Shape shape = recording.shape("trajectory", 5);
    steps = shape.dim(0) - 1;
    if (steps < 1) {
      throw recording.problem("trajectory", "has shape " + shape + ", expected x_T and steps");
    }
    images = Shape.of(shape.dim(1), shape.dim(2), shape.dim(3), shape.dim(4));
    states = recording.values("trajectory");
  }

  List<Difference> compare(DiffusionModel model) {
    Sampler sampler = sampler(model);
    requireSameTimesteps(model, sampler);
    List<Difference> differences = new ArrayList<>();
    try (Scope scope = Scope.open(model.unet().device())) {
      Tensor x = scope.tensor(Layout.ours(images), Layout.ours(state(states, 0), images));
      sampler.sample(
          predictor(model),
          model.schedule(),
          x,
          new RecordedNoise(),
          (index, of, t, xt, x0) ->
              differences.add(
                  Difference.of(
                      "step " + (index + 1) + " (t=" + t + ")",
                      images,
                      Layout.torch(xt),
                      state(states, index + 1))));
    }
    return List.copyOf(differences);
  }

  private Sampler sampler(DiffusionModel model) {
    String name = recording.metadata("sampler", "");
    return switch (name) {
      case "" -> model.scheduler().sampler(steps);
      case "ddpm" -> model.ddpm(steps);
      case "ddim" -> model.ddim(steps).eta(eta());
      default -> throw recording.problem("sampler", "is " + name + "; supported: ddpm, ddim");
    };
  }

  private double eta() {
    String eta = recording.metadata("eta", "0");
    try {
      return Double.parseDouble(eta);
    } catch (NumberFormatException e) {
      throw recording.problem("eta", "is " + eta + ", expected a number");
    }
  }

  private void requireSameTimesteps(DiffusionModel model, Sampler sampler) {
    double[] ours = sampler.timesteps(model.schedule());
    if (ours.length != steps) {
      throw recording.problem(
          "trajectory", "has " + steps + " steps, the model's sampler takes " + ours.length);
    }
    if (recording.has("timesteps")) {
      float[] recorded = recording.perImage("timesteps", steps);
      for (int i = 0; i < steps; i++) {
        if (ours[i] != recorded[i]) {
          throw recording.problem(
              "timesteps",
              "step " + (i + 1) + " starts at " + recorded[i] + ", the model's at " + ours[i]);
        }
      }
    }
  }

  private NoisePredictor predictor(DiffusionModel model) {
    Shape labelShape = model.unet().config().labelShape(images.dim(0));
    if (labelShape == null) {
      return model.predictor();
    }
    float[] labels = recording.perImage("class_labels", images.dim(0));
    int[] classes = IntStream.range(0, labels.length).map(i -> (int) labels[i]).toArray();
    return model.unet().withLabels(classes).as(model.scheduler().predictionType());
  }

  private float[] state(float[] values, int i) {
    int size = (int) images.count();
    return java.util.Arrays.copyOfRange(values, i * size, (i + 1) * size);
  }

  private final class RecordedNoise implements Noise {
    private float[] noise;

    @Override
    public Tensor fill(Tensor out, int draw) {
      if (noise == null) {
        Shape shape = recording.shape("noise", 5);
        if (shape.dim(0) < steps || shape.count() / shape.dim(0) != images.count()) {
          throw recording.problem(
              "noise", "has shape " + shape + ", expected " + steps + " times " + images);
        }
        noise = recording.values("noise");
      }
      return out.copyFrom(Layout.ours(state(noise, draw - 1), images));
    }

    @Override
    public Noise from(long firstImage) {
      return this;
    }
  }
}
