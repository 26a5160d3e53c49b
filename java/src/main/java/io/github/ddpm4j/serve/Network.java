package io.github.ddpm4j.serve;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.NetworkConfig;

/** A trained model. */
record Network(String name, DiffusionModel model, Shape image) implements Denoiser {
  static Network of(String name, DiffusionModel model) {
    NetworkConfig config = model.unet().config();
    if (config.sampleHeight() == 0 || config.inChannels() != 1 && config.inChannels() != 3) {
      throw new InvalidArgumentException(
          "the model "
              + name
              + " makes images of "
              + config.sampleHeight()
              + "x"
              + config.sampleWidth()
              + "x"
              + config.inChannels()
              + ", expected a known size and 1 or 3 channels");
    }
    return new Network(
        name, model, Shape.of(config.sampleHeight(), config.sampleWidth(), config.inChannels()));
  }

  @Override
  public String id() {
    return "network:" + name;
  }

  @Override
  public String label() {
    return "Network " + name;
  }

  @Override
  public String problem() {
    return null;
  }

  @Override
  public Images sample(Network scheduler, SampleOptions options) {
    return model.sample(options);
  }

  @Override
  public NoisePredictor predictor(NoiseSchedule schedule) {
    return model.predictor();
  }
}
