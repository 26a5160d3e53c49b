package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.Cifar10;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which data set, or part of it, an optimal denoiser is of. */
final class DatasetOptions {
  enum Kind {
    MNIST,
    CIFAR10
  }

  @Option(
      names = "--dataset",
      defaultValue = "MNIST",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  Kind kind;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Folder of the data set. Default: $DDPM4J_DATA, then ~/.cache/ddpm4j/data.")
  private Path data;

  @Option(
      names = "--images",
      paramLabel = "N",
      description = "Only the first N training images. Default: all.")
  private Integer images;

  @Option(
      names = "--class",
      paramLabel = "LABEL",
      description = "Only training images of this class. Default: all.")
  Integer label;

  ImageDataset train() {
    ImageDataset all = kind == Kind.MNIST ? Mnist.train(folder()) : Cifar10.train(folder());
    return images == null ? all : all.first(images);
  }

  ImageDataset test() {
    return kind == Kind.MNIST ? Mnist.test(folder()) : Cifar10.test(folder());
  }

  OptimalDenoiser denoiser(ImageDataset train, NoiseSchedule schedule, Device device) {
    OptimalDenoiser all = OptimalDenoiser.over(train, schedule, device);
    if (label == null) {
      return all;
    }
    try {
      return all.withClass(label);
    } catch (RuntimeException e) {
      all.close();
      throw e;
    }
  }

  /** The images of the class that was asked for, or all. */
  ImageDataset ofClass(ImageDataset all) {
    return label == null ? all : all.ofClass(label);
  }

  private Path folder() {
    return DataFolder.find(kind == Kind.MNIST ? "mnist" : "cifar-10-batches-bin", data);
  }
}
