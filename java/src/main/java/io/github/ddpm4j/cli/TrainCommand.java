package io.github.ddpm4j.cli;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.train.TrainConfig;
import io.github.ddpm4j.train.TrainPlan;
import io.github.ddpm4j.train.Trainer;
import io.github.ddpm4j.train.TrainingRun;
import io.github.ddpm4j.unet.NetworkConfig;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.layers.Initialization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a model. */
@Command(
    name = "train",
    description = {
      "Train a model on MNIST. The folder gets the loss (loss.csv, loss.png), pictures of samples, a checkpoint, and at the end"
          + " the model.",
      "Ctrl-C ends the run after the step it is in and writes a checkpoint; the exit code is then 130 (143 after SIGTERM), and"
          + " --resume goes on with the same result as a run that was not interrupted."
    })
final class TrainCommand implements Callable<Integer> {
  /** The loss of single steps is noisy: what is shown averages about this many. */
  private static final double SMOOTHING_STEPS = 100;

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
          "A preset (mnist, notebook), or a JSON file with network, scheduler and training. Default: ${DEFAULT-VALUE}.")
  private String config;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder of the run.")
  private Path out;

  @Option(
      names = "--resume",
      description = "Go on with the run in the folder; all else as it was when it began.")
  private boolean resume;

  @Option(
      names = "--from",
      paramLabel = "NAME|DIR|hub:NAME",
      description =
          "Begin with the weights of a model, as for --model of sample, in place of random ones. It"
              + " must have the configuration's network.")
  private String from;

  @Mixin private DeviceOption device;

  @ArgGroup private Length length = new Length();

  /** How long to train. */
  private static final class Length {
    @Option(
        names = "--steps",
        paramLabel = "N",
        description = "Steps, in place of the configuration's.")
    private Long steps;

    @Option(
        names = "--epochs",
        paramLabel = "N",
        description = "Passes over the data, in place of the configuration's steps.")
    private Double epochs;
  }

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Images at a time, in place of the configuration's.")
  private Integer batch;

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "Learning rate, in place of the configuration's.")
  private Double learningRate;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed, in place of the configuration's.")
  private Long seed;

  @Override
  public Integer call() {
    TrainPlan plan =
        Files.exists(Path.of(config)) ? TrainPlan.read(Path.of(config)) : TrainPlan.preset(config);
    ImageDataset images = Mnist.train(DataFolder.find("mnist", data));
    TrainConfig training = withOptions(plan.training(), images.count());
    try (UNet unet = network(plan.network(), training.seed())) {
      Trainer trainer = new Trainer(unet, plan.scheduler(), images, training);
      TrainingRun run = new TrainingRun(trainer, out);
      if (resume) {
        run.resume();
      }
      untilInterrupted(run, () -> train(trainer, run));
      return 0;
    }
  }

  private UNet network(NetworkConfig config, long seed) {
    if (from == null) {
      return UNet.create(config, device.get(), seed, Initialization.ZERO_OUTPUTS);
    }
    UNet start = ModelOptions.open(from, device.get()).unet();
    if (!start.config().equals(config)) {
      start.close();
      throw new InvalidArgumentException(
          "the network of '" + from + "' is not that of the configuration '" + this.config + "'");
    }
    return start;
  }

  private TrainConfig withOptions(TrainConfig training, int images) {
    TrainConfig.Builder builder = training.toBuilder();
    if (batch != null) {
      builder.batch(batch);
    }
    if (learningRate != null) {
      builder.learningRate(learningRate);
    }
    if (seed != null) {
      builder.seed(seed);
    }
    if (length.steps != null) {
      builder.steps(length.steps);
    }
    if (length.epochs != null) {
      builder.steps(builder.build().stepsOf(length.epochs, images));
    }
    return builder.build();
  }

  private void train(Trainer trainer, TrainingRun run) {
    long steps = trainer.config().steps();
    long imagesPerStep = trainer.config().imagesPerStep();
    try (ProgressBar bar =
        Progress.images(
            "Training", trainer.state().step() * imagesPerStep, steps * imagesPerStep)) {
      double[] average = {Double.NaN};
      run.run(
          result -> {
            average[0] =
                Double.isNaN(average[0])
                    ? result.loss()
                    : average[0] + (result.loss() - average[0]) / SMOOTHING_STEPS;
            bar.stepTo(result.step() * imagesPerStep * 1000);
            bar.setExtraMessage(String.format(Locale.ROOT, " loss %.4f", average[0]));
          });
    }
    System.out.println(
        trainer.state().step() < steps
            ? "stopped after step " + trainer.state().step() + "; --resume goes on"
            : "wrote the model to " + out.resolve("model"));
  }

  /** Trains such that the JVM, when told to end, stops the run and waits for its checkpoint. */
  private static void untilInterrupted(TrainingRun run, Runnable train) {
    CountDownLatch ended = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              run.stop();
              try {
                ended.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      train.run();
    } finally {
      ended.countDown();
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException shuttingDown) {
        // The hook is what ended the run.
      }
    }
  }
}
