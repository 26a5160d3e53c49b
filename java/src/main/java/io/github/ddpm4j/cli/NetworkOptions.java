package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.unet.NetworkConfig;
import picocli.CommandLine.Option;

/** Which network to set beside the optimal denoiser. */
final class NetworkOptions {
  private static final String NONE = "none";

  @Option(
      names = "--model",
      paramLabel = "NAME|DIR",
      description =
          "Network to compare with: the name of one that comes with ddpm4j, a folder in diffusers'"
              + " layout, or none. Default: mnist for all of MNIST, else none.")
  private String model;

  /**
   * The network, or null.
   *
   * @param train the data set, whose images the network's are to be like
   */
  DiffusionModel open(DatasetOptions dataset, ImageDataset train, Device device) {
    String name = model;
    if (name == null) {
      boolean suits = dataset.kind == DatasetOptions.Kind.MNIST && dataset.label == null;
      name = suits ? "mnist" : NONE;
    }
    if (name.equals(NONE)) {
      return null;
    }
    DiffusionModel open = ModelOptions.open(name, device);
    NetworkConfig config = open.unet().config();
    boolean otherSize =
        config.sampleHeight() != 0
            && (config.sampleHeight() != train.height() || config.sampleWidth() != train.width());
    if (otherSize || config.inChannels() != train.channels()) {
      open.close();
      throw new InvalidArgumentException(
          "the model "
              + name
              + " makes images of "
              + config.sampleHeight()
              + "x"
              + config.sampleWidth()
              + "x"
              + config.inChannels()
              + ", expected "
              + train.height()
              + "x"
              + train.width()
              + "x"
              + train.channels()
              + ": give another, or none");
    }
    return open;
  }
}
