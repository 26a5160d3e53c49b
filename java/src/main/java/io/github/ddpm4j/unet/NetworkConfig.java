package io.github.ddpm4j.unet;

import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;

/** Configuration of one of the networks that {@link UNet} can be. */
public sealed interface NetworkConfig permits UNetConfig, DualPathUNetConfig {
  /** Height of the pictures that the network was made for; 0 if the configuration does not say. */
  int sampleHeight();

  /** Width of the pictures that the network was made for; 0 if the configuration does not say. */
  int sampleWidth();

  /** Channels of pictures. */
  int inChannels();

  /**
   * Channels of predictions: as many as pictures have, or twice that where the variance is learned
   * too.
   */
  int outChannels();

  /** Probability of dropout in training. */
  double dropout();

  /** Height and width of pictures must be divisible by this. */
  int sizeMultiple();

  /** Shape of the class labels of a number of images; null if there are no classes. */
  Shape labelShape(int images);

  /** The text of {@code config.json}. */
  String toJson();

  /**
   * Reads the text of {@code config.json}: its {@code _class_name} says which network it is of.
   *
   * @param file named in complaints
   * @throws io.github.ddpm4j.CheckpointException if the configuration cannot be honoured: names
   *     key, value, and what is supported
   */
  static NetworkConfig fromJson(Path file, String json) {
    JsonFields fields = JsonFields.parse(file, json);
    String name = fields.text("_class_name", UNetConfig.CLASS_NAME);
    return switch (name) {
      case UNetConfig.CLASS_NAME -> UNetConfigJson.read(fields);
      case DualPathUNetConfig.CLASS_NAME -> DualPathUNetConfig.read(fields);
      default ->
          throw fields.problem(
              "_class_name",
              "is "
                  + name
                  + "; supported: "
                  + UNetConfig.CLASS_NAME
                  + ", "
                  + DualPathUNetConfig.CLASS_NAME);
    };
  }
}
