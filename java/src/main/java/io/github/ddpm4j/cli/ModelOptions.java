package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.hub.HubClient;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model, on which device. */
final class ModelOptions {
  @Option(
      names = "--model",
      defaultValue = "mnist",
      paramLabel = "NAME|DIR|hub:NAME",
      description =
          "A model that comes with ddpm4j (mnist), a folder in diffusers' layout, or a repository of the Hugging Face hub,"
              + " as in hub:google/ddpm-cifar10-32 or hub:NAME@REVISION. Default: ${DEFAULT-VALUE}.")
  String model;

  @Mixin DeviceOption device;

  private static final String HUB = "hub:";

  DiffusionModel open() {
    return open(model, device.get());
  }

  /** Opens a model by the name that an option or parameter has for it. */
  static DiffusionModel open(String model, Device device) {
    if (model.startsWith(HUB)) {
      String[] name = model.substring(HUB.length()).split("@", 2);
      HubClient hub = HubClient.create();
      return DiffusionModel.fromHub(
          name[0], name.length == 1 ? hub : hub.revision(name[1]), device);
    }
    Path folder = Path.of(model);
    return Files.isDirectory(folder) || model.contains("/")
        ? DiffusionModel.load(folder, device)
        : DiffusionModel.pretrained(model, device);
  }
}
