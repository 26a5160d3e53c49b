package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.train.TrainConfig;
import io.github.ddpm4j.train.TrainPlan;
import io.github.ddpm4j.train.Trainer;
import io.github.ddpm4j.train.TrainingRun;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.layers.Initialization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model. */
@Command(
    name = "train",
    description = {
      "Train a model on MNIST. The folder gets the loss (loss.csv, loss.png), pictures of samples, a checkpoint, and at the end"
          + " the model.",
      "Ctrl-C ends the run after the step it is in and writes a checkpoint; --resume goes on from it with the same result."
    })
final class TrainCommand implements Callable<Integer> {
  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Folder of the MNIST files. Default: $DDPM4J_DATA, then ~/.cache/ddpm4j/data.")
  private Path data;

  @Option(
      names = "--config",
      defaultValue = "mnist",
      paramLabel = "NAME|FILE",
      description =
          "A preset (mnist), or a JSON file with network, scheduler and training. Default: ${DEFAULT-VALUE}.")
  private String config;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder of the run.")
  private Path out;

  @Option(names = "--resume", description = "Go on with the run in the folder.")
  private boolean resume;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps, in place of the configuration's.")
  private Long steps;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed, in place of the configuration's.")
  private Long seed;

  @Override
  public Integer call() throws InterruptedException {
    TrainPlan plan =
        Files.exists(Path.of(config)) ? TrainPlan.read(Path.of(config)) : TrainPlan.preset(config);
    TrainConfig training = plan.training().with(steps, seed);
    ImageDataset images = Mnist.train(DataFolder.find("mnist", data));
    try (UNet unet =
        UNet.create(plan.network(), Device.cpu(), training.seed(), Initialization.ZERO_OUTPUTS)) {
      Trainer trainer = new Trainer(unet, plan.scheduler().schedule(), images, training);
      TrainingRun run = new TrainingRun(trainer, plan.scheduler(), out);
      run(run, training);
      System.out.println(
          trainer.state().step() < training.steps()
              ? "stopped after step " + trainer.state().step() + "; --resume goes on"
              : "wrote the model to " + out.resolve("model"));
      return 0;
    }
  }

  private void run(TrainingRun run, TrainConfig training) {
    CountDownLatch ended = new CountDownLatch(1);
    Thread onInterrupt =
        new Thread(
            () -> {
              run.stop();
              try {
                ended.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(onInterrupt);
    try (ProgressBar bar =
        Progress.images("Training", training.steps() * training.imagesPerStep())) {
      double[] average = {Double.NaN};
      run.run(
          resume,
          result -> {
            average[0] =
                Double.isNaN(average[0]) ? result.loss() : 0.99 * average[0] + 0.01 * result.loss();
            bar.stepTo(result.step() * training.imagesPerStep() * 1000);
            bar.setExtraMessage(
                String.format(Locale.ROOT, "step %d loss %.4f", result.step(), average[0]));
          });
    } finally {
      ended.countDown();
      if (!Thread.currentThread().isInterrupted()) {
        removeHook(onInterrupt);
      }
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      // The hook is what ended the run.
    }
  }
}
