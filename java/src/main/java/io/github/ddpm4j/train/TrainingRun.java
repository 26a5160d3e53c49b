package io.github.ddpm4j.train;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.DiffusersCheckpoint;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A training run with a folder to itself: loss log and plot, checkpoints, pictures of samples, and
 * at the end the model.
 *
 * <table>
 * <caption>Files of the folder</caption>
 * <tr><td>{@code loss.csv}, {@code loss.png}</td><td>loss of every step</td></tr>
 * <tr><td>{@code checkpoint.safetensors}</td><td>all that a run needs to be resumed</td></tr>
 * <tr><td>{@code samples-N.png}</td><td>64 samples after N steps, from the same noise each time</td></tr>
 * <tr><td>{@code model/}</td><td>the averaged parameters in the layout of diffusers</td></tr>
 * </table>
 */
public final class TrainingRun {
  private static final int SAMPLES = 64;
  private static final int SAMPLING_STEPS = 50;
  private static final int COLUMNS = 8;
  private static final int SCALE = 2;

  private final Trainer trainer;
  private final SchedulerConfig scheduler;
  private final Path folder;
  private volatile boolean stopping;

  /** A run of a trainer whose schedule is that of the scheduler's configuration. */
  public TrainingRun(Trainer trainer, SchedulerConfig scheduler, Path folder) {
    this.trainer = trainer;
    this.scheduler = scheduler;
    this.folder = folder;
  }

  /** Whether the folder holds a checkpoint to resume from. */
  public static boolean canResume(Path folder) {
    return Files.exists(checkpoint(folder));
  }

  private static Path checkpoint(Path folder) {
    return folder.resolve("checkpoint.safetensors");
  }

  /**
   * Trains until the configured number of steps is done or {@link #stop} is called; either way the
   * last step is in the checkpoint, and if all are done the model is in the folder.
   *
   * @param resume whether to go on from the folder's checkpoint
   * @param onStep called after every step
   * @throws InvalidArgumentException if there is nothing to resume, or a run that would be
   *     overwritten
   * @throws io.github.ddpm4j.CheckpointException if the checkpoint is damaged or of another
   *     configuration
   */
  public void run(boolean resume, Consumer<Trainer.StepResult> onStep) {
    if (resume != canResume(folder)) {
      throw new InvalidArgumentException(
          resume
              ? "nothing to resume: " + checkpoint(folder) + " does not exist"
              : folder + " holds a run already: resume it, or choose another folder");
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (resume) {
      TrainingCheckpoint.read(checkpoint(folder), trainer);
    }
    TrainConfig config = trainer.config();
    try (LossLog log = LossLog.openAfter(folder.resolve("loss.csv"), trainer.state().step())) {
      long saved = -1;
      while (trainer.state().step() < config.steps() && !stopping) {
        Trainer.StepResult result = trainer.step();
        log.add(result);
        onStep.accept(result);
        if (result.step() % config.checkpointEvery() == 0) {
          saved = save(log);
        }
        if (config.sampleEvery() > 0 && result.step() % config.sampleEvery() == 0) {
          saveSamples();
        }
      }
      if (saved != trainer.state().step()) {
        save(log);
      }
    }
    if (trainer.state().step() >= config.steps()) {
      DiffusersCheckpoint.write(
          folder.resolve("model"), trainer.unet(), trainer.state().average(), scheduler);
    }
  }

  /** Asks the run to end after the step it is in, from any thread. */
  public void stop() {
    stopping = true;
  }

  private long save(LossLog log) {
    double[] losses = log.losses();
    TrainingCheckpoint.write(checkpoint(folder), trainer);
    if (losses.length > 0) {
      LossPlot.save(folder.resolve("loss.png"), losses);
    }
    return trainer.state().step();
  }

  private void saveSamples() {
    int size = trainer.unet().config().sampleSize();
    int channels = trainer.unet().config().inChannels();
    trainer
        .state()
        .withAverage(
            () -> {
              try (Scope scope = Scope.open(trainer.unet().device())) {
                Noise noise = Noise.philox(0);
                Tensor x = noise.fill(scope.allocate(Shape.of(SAMPLES, size, size, channels)), 0);
                Ddim.steps(Math.min(SAMPLING_STEPS, trainer.schedule().steps()))
                    .sample(trainer.unet(), trainer.schedule(), x, noise, null);
                new Images(SAMPLES, size, size, channels, x.toArray())
                    .saveGrid(
                        folder.resolve("samples-" + trainer.state().step() + ".png"),
                        COLUMNS,
                        SCALE);
              }
            });
  }
}
