package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.sampler.Ddpm;
import io.github.ddpm4j.sampler.FinalSigma;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.sampler.TimestepSpacing;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.nio.file.Path;
import java.util.List;

/**
 * The noise schedule that a model was trained with and how it is to be sampled: diffusers' {@code
 * scheduler_config.json} of the classes that {@link SchedulerKind} names. Names and defaults are
 * diffusers'. Immutable.
 *
 * @param kind the class
 * @param numTrainTimesteps number of timesteps T
 * @param betaStart β of the first timestep
 * @param betaEnd β of the last timestep
 * @param betaSchedule how β runs between them
 * @param trainedBetas all β, in place of the three above, or null
 * @param rescaleBetasZeroSnr whether nothing of the image is left at the last timestep
 * @param varianceType variance of DDPM steps
 * @param clipSample whether x̂_0 is clipped in each step; null for the sampler's default
 * @param clipSampleRange largest |x̂_0|
 * @param thresholding whether x̂_0 is bounded by a quantile of its values, in place of the range
 * @param dynamicThresholdingRatio which quantile
 * @param sampleMaxValue the largest such bound
 * @param predictionType what the network predicts
 * @param timestepSpacing which timesteps a sampler of fewer steps visits; null for its default
 * @param stepsOffset added to timesteps with leading spacing
 * @param setAlphaToOne whether the last step of DDIM and PNDM goes to ᾱ = 1 instead of ᾱ_0; null
 *     for the sampler's default
 * @param solver options of solvers
 */
public record SchedulerConfig(
    SchedulerKind kind,
    int numTrainTimesteps,
    double betaStart,
    double betaEnd,
    BetaSchedule betaSchedule,
    List<Double> trainedBetas,
    boolean rescaleBetasZeroSnr,
    VarianceType varianceType,
    Boolean clipSample,
    double clipSampleRange,
    boolean thresholding,
    double dynamicThresholdingRatio,
    double sampleMaxValue,
    PredictionType predictionType,
    TimestepSpacing timestepSpacing,
    int stepsOffset,
    Boolean setAlphaToOne,
    Solver solver) {
  /** How β runs from betaStart to betaEnd. */
  public enum BetaSchedule {
    LINEAR,
    /** √β in equal steps. */
    SCALED_LINEAR,
    /** The cosine schedule, whatever betaStart and betaEnd are. */
    SQUAREDCOS_CAP_V2,
    SIGMOID
  }

  /**
   * Options of solvers.
   *
   * @param solverOrder order of multistep solvers
   * @param sde whether DPM-Solver++ solves the SDE: {@code algorithm_type} {@code sde-dpmsolver++}
   * @param solverType {@code midpoint}, {@code heun}, {@code bh1}, {@code bh2} or {@code logrho}; a
   *     solver that has not got it takes its own, as does null
   * @param lowerOrderFinal whether the last of few steps are of lower order
   * @param eulerAtFinal whether DPM-Solver++'s last step is of order 1 in any case
   * @param useKarrasSigmas whether σ^(1/7) goes down in equal steps
   * @param finalSigmasType where the last step goes
   * @param skipPrkSteps whether PNDM starts without Runge-Kutta
   */
  public record Solver(
      int solverOrder,
      boolean sde,
      String solverType,
      boolean lowerOrderFinal,
      boolean eulerAtFinal,
      boolean useKarrasSigmas,
      FinalSigma finalSigmasType,
      boolean skipPrkSteps) {
    static final Solver DEFAULTS =
        new Solver(2, false, null, true, false, false, FinalSigma.ZERO, false);
  }

  /**
   * @throws InvalidArgumentException naming the key, its value, and what is supported
   */
  public SchedulerConfig {
    trainedBetas = trainedBetas == null ? null : List.copyOf(trainedBetas);
    if (trainedBetas != null && trainedBetas.size() != numTrainTimesteps) {
      throw new InvalidArgumentException(
          "trained_betas has "
              + trainedBetas.size()
              + " numbers; supported: num_train_timesteps, "
              + numTrainTimesteps);
    }
    require(clipSampleRange > 0, "clip_sample_range", clipSampleRange, "positive numbers");
    require(sampleMaxValue > 0, "sample_max_value", sampleMaxValue, "positive numbers");
    require(
        dynamicThresholdingRatio >= 0 && dynamicThresholdingRatio <= 1,
        "dynamic_thresholding_ratio",
        dynamicThresholdingRatio,
        "0 to 1");
    require(stepsOffset >= 0, "steps_offset", stepsOffset, "at least 0");
    require(
        solver.solverOrder >= 1 && solver.solverOrder <= 3,
        "solver_order",
        solver.solverOrder,
        "1 to 3");
    schedule(
        numTrainTimesteps, betaStart, betaEnd, betaSchedule, trainedBetas, rescaleBetasZeroSnr);
  }

  private static void require(boolean holds, String key, Number value, String supported) {
    if (!holds) {
      throw new InvalidArgumentException(key + " is " + value + "; supported: " + supported);
    }
  }

  /**
   * Diffusers' defaults: 1000 timesteps, β linear from 1e-4 to 0.02, ε predicted, DDPM with x̂_0
   * clipped to ±1.
   */
  public static SchedulerConfig defaults() {
    return new SchedulerConfig(
        SchedulerKind.DDPM,
        1000,
        1e-4,
        0.02,
        BetaSchedule.LINEAR,
        null,
        false,
        VarianceType.FIXED_SMALL,
        null,
        1,
        false,
        0.995,
        1,
        PredictionType.EPSILON,
        null,
        0,
        null,
        Solver.DEFAULTS);
  }

  /**
   * Reads the text of {@code scheduler_config.json}; what is missing takes diffusers' defaults.
   * Keys of other schedulers than the file's are read and have no effect, as in diffusers.
   *
   * @param file named in complaints
   * @throws io.github.ddpm4j.CheckpointException if the configuration cannot be honoured: names
   *     key, value, and what is supported
   */
  public static SchedulerConfig fromJson(Path file, String json) {
    return SchedulerConfigJson.read(file, json);
  }

  /** The text of {@code scheduler_config.json}. */
  public String toJson() {
    return SchedulerConfigJson.write(this);
  }

  /** The noise schedule. */
  public NoiseSchedule schedule() {
    return schedule(
        numTrainTimesteps, betaStart, betaEnd, betaSchedule, trainedBetas, rescaleBetasZeroSnr);
  }

  /** The sampler of this configuration's class. */
  public Sampler sampler(int steps) {
    return sampler(kind, steps);
  }

  /** The sampler of another class with what it takes of this configuration. */
  public Sampler sampler(SchedulerKind kind, int steps) {
    return kind.sampler(this, steps);
  }

  /** DDPM with this variance, clipping and choice of timesteps. */
  public Ddpm ddpm(int steps) {
    return (Ddpm) sampler(SchedulerKind.DDPM, steps);
  }

  /** DDIM with this clipping, choice of timesteps and end. */
  public Ddim ddim(int steps) {
    return (Ddim) sampler(SchedulerKind.DDIM, steps);
  }

  TimestepSpacing spacingOr(TimestepSpacing missing) {
    return timestepSpacing == null ? missing : timestepSpacing;
  }

  boolean clipSampleOr(boolean missing) {
    return clipSample == null ? missing : clipSample;
  }

  boolean setAlphaToOneOr(boolean missing) {
    return setAlphaToOne == null ? missing : setAlphaToOne;
  }

  private static NoiseSchedule schedule(
      int steps,
      double start,
      double end,
      BetaSchedule kind,
      List<Double> trained,
      boolean rescale) {
    NoiseSchedule schedule =
        trained != null
            ? NoiseSchedule.custom(trained.stream().mapToDouble(Double::doubleValue).toArray())
            : switch (kind) {
              case LINEAR -> NoiseSchedule.linear(steps, start, end);
              case SCALED_LINEAR -> NoiseSchedule.quadratic(steps, start, end);
              case SQUAREDCOS_CAP_V2 -> NoiseSchedule.cosine(steps);
              case SIGMOID -> NoiseSchedule.sigmoid(steps, start, end);
            };
    return rescale ? schedule.rescaledToZeroTerminalSnr() : schedule;
  }
}
