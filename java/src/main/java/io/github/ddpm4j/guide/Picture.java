package io.github.ddpm4j.guide;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The guide's pictures, in its order. */
public enum Picture {
  /** {@link ForwardPictures#jumps}. */
  JUMPS,
  /** {@link ForwardPictures#steps}. */
  STEPS,
  /** {@link ForwardPictures#noise}. */
  NOISE,
  /** {@link ReversePictures#prediction}. */
  PREDICTION,
  /** {@link ReversePictures#posterior}. */
  POSTERIOR,
  /** {@link ReversePictures#oracleFrames}. */
  ORACLE,
  /** {@link ForwardPictures#schedules}. */
  SCHEDULES,
  /** {@link io.github.ddpm4j.train.LossPlot#ofRun}. */
  LOSS,
  /** {@link ModelPictures#samples}. */
  SAMPLES,
  /** {@link ModelPictures#reverse}. */
  REVERSE,
  /** {@link ModelPictures#animation}. */
  ANIMATION,
  /** {@link ModelPictures#quality}. */
  QUALITY,
  /** {@link OptimalPictures#samples} over MNIST, beside the model's. */
  OPTIMAL_MNIST,
  /** {@link OptimalPictures#samples} over CIFAR-10. */
  OPTIMAL_CIFAR10,
  /** {@link OptimalPictures#denoising} over MNIST. */
  DENOISING,
  /** {@link OptimalPictures#losses} over MNIST. */
  TIMESTEPS;

  /** The name on the command line: {@code optimal-mnist}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The name of the file: {@code optimal-mnist.png}. */
  public String fileName() {
    return label() + (this == ANIMATION ? ".gif" : ".png");
  }

  /**
   * The picture of a name on the command line.
   *
   * @throws InvalidArgumentException for another name
   */
  public static Picture of(String label) {
    for (Picture picture : values()) {
      if (picture.label().equals(label.toLowerCase(Locale.ROOT))) {
        return picture;
      }
    }
    throw new InvalidArgumentException(
        "no picture is named '"
            + label
            + "', expected one of "
            + Arrays.stream(values()).map(Picture::label).collect(Collectors.joining(", ")));
  }
}
