package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.SchedulerConfig.BetaSchedule;
import io.github.ddpm4j.checkpoint.SchedulerConfig.Solver;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.sampler.FinalSigma;
import io.github.ddpm4j.sampler.TimestepSpacing;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** The JSON form of {@link SchedulerConfig}. */
final class SchedulerConfigJson {
  private static final Map<String, BetaSchedule> BETA_SCHEDULES =
      byName(BetaSchedule.values(), schedule -> schedule.name().toLowerCase(Locale.ROOT));
  private static final Map<String, PredictionType> PREDICTIONS =
      byName(PredictionType.values(), PredictionType::configName);
  private static final Map<String, TimestepSpacing> SPACINGS =
      byName(TimestepSpacing.values(), TimestepSpacing::configName);
  private static final Map<String, VarianceType> VARIANCES =
      byName(VarianceType.values(), VarianceType::configName);
  private static final Map<String, FinalSigma> FINAL_SIGMAS =
      byName(FinalSigma.values(), FinalSigma::configName);
  private static final Map<String, String> SOLVER_TYPES =
      byName(
          new String[] {"midpoint", "heun", "bh1", "bh2", "logrho"}, Function.<String>identity());

  /** HeunDiscreteScheduler has defaults of its own, those of Stable Diffusion. */
  private static final double HEUN_BETA_START = 0.00085;

  private static final double HEUN_BETA_END = 0.012;

  private SchedulerConfigJson() {}

  static SchedulerConfig read(Path file, String json) {
    JsonFields fields = JsonFields.parse(file, json);
    SchedulerConfig defaults = SchedulerConfig.defaults();
    SchedulerKind kind = fields.choice("_class_name", SchedulerKind.byClassName(), defaults.kind());
    boolean heun = kind == SchedulerKind.HEUN_DISCRETE;
    double[] betas = fields.numbersOrNull("trained_betas");
    int steps =
        fields.integer(
            "num_train_timesteps", betas == null ? defaults.numTrainTimesteps() : betas.length);
    double betaStart = fields.number("beta_start", heun ? HEUN_BETA_START : defaults.betaStart());
    double betaEnd = fields.number("beta_end", heun ? HEUN_BETA_END : defaults.betaEnd());
    BetaSchedule betaSchedule =
        fields.choice("beta_schedule", BETA_SCHEDULES, defaults.betaSchedule());
    boolean rescale = fields.bool("rescale_betas_zero_snr", defaults.rescaleBetasZeroSnr());
    VarianceType variance = variance(fields, kind, defaults.varianceType());
    Boolean clip = bool(fields, "clip_sample");
    double clipRange = fields.number("clip_sample_range", defaults.clipSampleRange());
    boolean thresholding = fields.bool("thresholding", defaults.thresholding());
    double ratio = fields.number("dynamic_thresholding_ratio", defaults.dynamicThresholdingRatio());
    double maxValue = fields.number("sample_max_value", defaults.sampleMaxValue());
    PredictionType prediction =
        fields.choice("prediction_type", PREDICTIONS, defaults.predictionType());
    TimestepSpacing spacing = fields.choice("timestep_spacing", SPACINGS, null);
    int offset = fields.integer("steps_offset", defaults.stepsOffset());
    Boolean toOne = bool(fields, "set_alpha_to_one");
    Solver solver = solver(fields, kind);
    fields.ignore("tensor_format", "flow_shift", "time_shift_type");
    fields.finish();
    try {
      return new SchedulerConfig(
          kind,
          steps,
          betaStart,
          betaEnd,
          betaSchedule,
          betas == null ? null : DoubleStream.of(betas).boxed().toList(),
          rescale,
          variance,
          clip,
          clipRange,
          thresholding,
          ratio,
          maxValue,
          prediction,
          spacing,
          offset,
          toOne,
          solver);
    } catch (InvalidArgumentException e) {
      throw fields.problem("configuration", e.getMessage());
    }
  }

  private static Solver solver(JsonFields fields, SchedulerKind kind) {
    Solver defaults = Solver.DEFAULTS;
    String algorithm = algorithm(fields, kind);
    // What ddpm4j's solvers have no choice of.
    fields.require("timestep_type", "discrete");
    fields.require("interpolation_type", "linear");
    fields.require("predict_x0", "true");
    fields.require("disable_corrector", "[]");
    String clipped = "lambda_min_clipped";
    double least = fields.number(clipped, Double.NEGATIVE_INFINITY);
    if (least != Double.NEGATIVE_INFINITY) {
      throw fields.problem(clipped, "is " + least + "; supported: -Infinity");
    }
    return new Solver(
        fields.integer("solver_order", defaults.solverOrder()),
        algorithm.startsWith("sde-"),
        fields.choice("solver_type", SOLVER_TYPES, defaults.solverType()),
        fields.bool("lower_order_final", defaults.lowerOrderFinal()),
        fields.bool("euler_at_final", defaults.eulerAtFinal()),
        fields.bool("use_karras_sigmas", defaults.useKarrasSigmas()),
        fields.choice("final_sigmas_type", FINAL_SIGMAS, defaults.finalSigmasType()),
        fields.bool("skip_prk_steps", defaults.skipPrkSteps()));
  }

  /** DPM-Solver takes DEIS' type for its own; others than these two do not look at it. */
  private static String algorithm(JsonFields fields, SchedulerKind kind) {
    String key = "algorithm_type";
    if (kind == SchedulerKind.DPM_SOLVER_MULTISTEP) {
      fields.require(key, "dpmsolver++", "sde-dpmsolver++", "deis");
    }
    return fields.text(key, "dpmsolver++");
  }

  /** Solvers have a null here, or say that the network learned its variance, which they ignore. */
  private static VarianceType variance(
      JsonFields fields, SchedulerKind kind, VarianceType missing) {
    Map<String, VarianceType> choices = new LinkedHashMap<>(VARIANCES);
    if (kind != SchedulerKind.DDPM) {
      choices.put("null", missing);
    }
    return fields.choice("variance_type", choices, missing);
  }

  private static Boolean bool(JsonFields fields, String key) {
    return fields.has(key) ? Boolean.valueOf(fields.bool(key, false)) : null;
  }

  static String write(SchedulerConfig config) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("_class_name", config.kind().className());
    json.put("beta_end", config.betaEnd());
    json.put("beta_schedule", config.betaSchedule().name().toLowerCase(Locale.ROOT));
    json.put("beta_start", config.betaStart());
    putUnlessNull(json, "clip_sample", config.clipSample());
    json.put("clip_sample_range", config.clipSampleRange());
    json.put("dynamic_thresholding_ratio", config.dynamicThresholdingRatio());
    json.put("num_train_timesteps", config.numTrainTimesteps());
    json.put("prediction_type", config.predictionType().configName());
    json.put("rescale_betas_zero_snr", config.rescaleBetasZeroSnr());
    json.put("sample_max_value", config.sampleMaxValue());
    putUnlessNull(json, "set_alpha_to_one", config.setAlphaToOne());
    json.put("steps_offset", config.stepsOffset());
    json.put("thresholding", config.thresholding());
    if (config.timestepSpacing() != null) {
      json.put("timestep_spacing", config.timestepSpacing().configName());
    }
    json.put("trained_betas", config.trainedBetas());
    json.put("variance_type", config.varianceType().configName());
    if (!config.solver().equals(Solver.DEFAULTS)) {
      write(config.solver(), json);
    }
    return JsonFields.write(json);
  }

  private static void write(Solver solver, Map<String, Object> json) {
    json.put("algorithm_type", solver.sde() ? "sde-dpmsolver++" : "dpmsolver++");
    json.put("euler_at_final", solver.eulerAtFinal());
    json.put("final_sigmas_type", solver.finalSigmasType().configName());
    json.put("lower_order_final", solver.lowerOrderFinal());
    json.put("skip_prk_steps", solver.skipPrkSteps());
    json.put("solver_order", solver.solverOrder());
    putUnlessNull(json, "solver_type", solver.solverType());
    json.put("use_karras_sigmas", solver.useKarrasSigmas());
  }

  private static void putUnlessNull(Map<String, Object> json, String key, Object value) {
    if (value != null) {
      json.put(key, value);
    }
  }

  private static <T> Map<String, T> byName(T[] values, Function<T, String> name) {
    return Stream.of(values)
        .collect(Collectors.toMap(name, value -> value, (a, b) -> a, LinkedHashMap::new));
  }
}
