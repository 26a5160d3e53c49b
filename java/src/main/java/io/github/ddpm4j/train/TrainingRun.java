package io.github.ddpm4j.train;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.DiffusersCheckpoint;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.io.IOException;
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
  /** The file of the losses. */
  static final String LOSSES = "loss.csv";

  private static final int SAMPLES = 64;
  private static final int SAMPLING_STEPS = 50;
  private static final int COLUMNS = 8;
  private static final int SCALE = 2;

  private final Trainer trainer;
  private final Path folder;
  private final Path checkpoint;
  private boolean resumed;
  private volatile boolean stopping;

  public TrainingRun(Trainer trainer, Path folder) {
    this.trainer = trainer;
    this.folder = folder;
    this.checkpoint = folder.resolve("checkpoint.safetensors");
  }

  /**
   * Goes on from the folder's checkpoint.
   *
   * @throws InvalidArgumentException if there is none
   * @throws io.github.ddpm4j.CheckpointException if it is damaged or of another run
   */
  public void resume() {
    if (!Files.exists(checkpoint)) {
      throw new InvalidArgumentException("nothing to resume: " + checkpoint + " does not exist");
    }
    TrainingCheckpoint.read(checkpoint, trainer);
    resumed = true;
  }

  /**
   * Trains until the configured number of steps is done or {@link #stop} is called; either way the
   * last step is in the checkpoint, and if all are done the model is in the folder.
   *
   * @param onStep called after every step
   * @throws InvalidArgumentException if a run that was not {@linkplain #resume resumed} would be
   *     overwritten
   * @throws io.github.ddpm4j.TrainingDivergedException if the loss is no longer finite; the last
   *     checkpoint is kept
   */
  public void run(Consumer<Trainer.StepResult> onStep) {
    if (!resumed && Files.exists(checkpoint)) {
      throw new InvalidArgumentException(
          folder + " holds a run already: resume it, or choose another folder");
    }
    resumed = true;
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new DdpmException("folder " + folder + " cannot be made: " + e, e);
    }
    TrainConfig config = trainer.config();
    try (LossLog log = LossLog.openAfter(folder.resolve(LOSSES), trainer.state().step())) {
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
          folder.resolve("model"), trainer.unet(), trainer.state().average(), trainer.scheduler());
    }
  }

  /** Asks the run to end after the step it is in, from any thread. */
  public void stop() {
    stopping = true;
  }

  private long save(LossLog log) {
    double[] losses = log.losses();
    TrainingCheckpoint.write(checkpoint, trainer);
    if (losses.length > 0) {
      LossPlot.save(folder.resolve("loss.png"), losses);
    }
    return trainer.state().step();
  }

  private void saveSamples() {
    ImageDataset data = trainer.data();
    SchedulerConfig scheduler = trainer.scheduler();
    Shape shape = Shape.of(SAMPLES, data.height(), data.width(), data.channels());
    trainer
        .state()
        .withAverage(
            () -> {
              try (Scope scope = Scope.open(trainer.unet().device())) {
                Noise noise = Noise.philox(0);
                Tensor x = noise.fill(scope.allocate(shape), 0);
                scheduler
                    .ddim(Math.min(SAMPLING_STEPS, scheduler.numTrainTimesteps()))
                    .sample(
                        trainer.unet().as(scheduler.predictionType()),
                        scheduler.schedule(),
                        x,
                        noise,
                        null);
                new Images(SAMPLES, data.height(), data.width(), data.channels(), x.toArray())
                    .saveGrid(
                        folder.resolve("samples-" + trainer.state().step() + ".png"),
                        COLUMNS,
                        SCALE);
              }
            });
  }
}
