package io.github.ddpm4j.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.github.ddpm4j.InvalidArgumentException;

/**
 * Hyper-parameters of a training run. As JSON the names are in snake case; what is missing takes
 * the value of {@link #defaults}, which is the recipe of Ho et al. (arXiv 2006.11239, appendix B)
 * for small pictures.
 *
 * @param steps optimiser steps of the whole run
 * @param batch images that go through the network at a time
 * @param accumulation batches whose gradients make one step
 * @param learningRate of Adam, after the warm-up
 * @param warmupSteps over which the learning rate grows linearly to its value
 * @param decay of the learning rate
 * @param clipNorm largest norm of all gradients together; 0 for no clipping
 * @param emaDecay of the average of the parameters; in step s it is at most (1+s)/(10+s)
 * @param randomFlip whether every other image is mirrored
 * @param seed of order, timesteps, noise and mirroring
 * @param checkpointEvery steps between checkpoints
 * @param sampleEvery steps between pictures of samples; 0 for none
 */
public record TrainConfig(
    long steps,
    int batch,
    int accumulation,
    double learningRate,
    long warmupSteps,
    LearningRateDecay decay,
    double clipNorm,
    double emaDecay,
    boolean randomFlip,
    long seed,
    long checkpointEvery,
    long sampleEvery) {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  /**
   * @throws InvalidArgumentException naming the value and what was expected
   */
  public TrainConfig {
    require(steps >= 1, "steps", steps, "at least 1");
    require(batch >= 1, "batch", batch, "at least 1");
    require(accumulation >= 1, "accumulation", accumulation, "at least 1");
    require(
        learningRate > 0 && learningRate < 1,
        "learning_rate",
        learningRate,
        "more than 0, less than 1");
    require(warmupSteps >= 0, "warmup_steps", warmupSteps, "at least 0");
    require(decay != null, "decay", decay, "CONSTANT or COSINE");
    require(clipNorm >= 0, "clip_norm", clipNorm, "at least 0");
    require(emaDecay >= 0 && emaDecay < 1, "ema_decay", emaDecay, "at least 0, less than 1");
    require(checkpointEvery >= 1, "checkpoint_every", checkpointEvery, "at least 1");
    require(sampleEvery >= 0, "sample_every", sampleEvery, "at least 0");
  }

  /** Ho et al.'s recipe, for 10,000 steps. */
  public static TrainConfig defaults() {
    return new TrainConfig(
        10_000, 128, 1, 2e-4, 1000, LearningRateDecay.CONSTANT, 1, 0.9999, false, 0, 500, 1000);
  }

  /** This with other steps or seed, where given. */
  public TrainConfig with(Long otherSteps, Long otherSeed) {
    return new TrainConfig(
        otherSteps == null ? steps : otherSteps,
        batch,
        accumulation,
        learningRate,
        warmupSteps,
        decay,
        clipNorm,
        emaDecay,
        randomFlip,
        otherSeed == null ? seed : otherSeed,
        checkpointEvery,
        sampleEvery);
  }

  /** Images of one step. */
  public int imagesPerStep() {
    return batch * accumulation;
  }

  /** Learning rate of a step, from 1. */
  double learningRateAt(long step) {
    double warmup = warmupSteps == 0 ? 1 : Math.min(1, step / (double) warmupSteps);
    return learningRate * warmup * decay.factor((step - 1) / (double) steps);
  }

  /** Decay of the average in a step, from 1. */
  double emaDecayAt(long step) {
    return Math.min(emaDecay, (1 + step) / (10.0 + step));
  }

  /** Reads JSON over the defaults. */
  public static TrainConfig fromJson(String json) {
    try {
      // A record is immutable, so defaults and text are joined as trees.
      var tree = JSON.valueToTree(defaults());
      var merged = JSON.readerForUpdating(tree).readTree(json);
      var fields = (com.fasterxml.jackson.databind.node.ObjectNode) tree.deepCopy();
      fields.setAll((com.fasterxml.jackson.databind.node.ObjectNode) merged);
      return JSON.treeToValue(fields, TrainConfig.class);
    } catch (JsonProcessingException | ClassCastException e) {
      throw new InvalidArgumentException("training configuration: " + e.getMessage());
    }
  }

  public String toJson() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new InvalidArgumentException(name + " is " + value + ", expected " + expected);
    }
  }
}
