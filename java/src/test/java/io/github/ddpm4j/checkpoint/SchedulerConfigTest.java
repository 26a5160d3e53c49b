package io.github.ddpm4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.sampler.FinalSigma;
import io.github.ddpm4j.sampler.Pndm;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Scheduler configurations as JSON. */
class SchedulerConfigTest {
  private static SchedulerConfig read(String json) {
    return SchedulerConfig.fromJson(Path.of("scheduler_config.json"), json);
  }

  @Test
  void readsTheSchedulerOfTheCifarModel() {
    SchedulerConfig config =
        read(
            """
            {"_class_name": "DDPMScheduler", "_diffusers_version": "0.1.1", "beta_end": 0.02, "beta_schedule": "linear",
             "beta_start": 0.0001, "clip_sample": true, "num_train_timesteps": 1000, "trained_betas": null,
             "variance_type": "fixed_large"}
            """);
    assertThat(config.varianceType()).isEqualTo(VarianceType.FIXED_LARGE);
    assertThat(config.schedule().betas()).isEqualTo(NoiseSchedule.linear(1000).betas());
  }

  @Test
  void missingKeysTakeTheDefaultsOfDiffusers() {
    assertThat(read("{}")).isEqualTo(SchedulerConfig.defaults());
  }

  @Test
  void jsonKeepsEverything() {
    SchedulerConfig config =
        read(
            """
            {"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2, 0.3], "variance_type": "fixed_small_log",
             "beta_start": 0.001, "beta_end": 0.03, "clip_sample": false, "clip_sample_range": 2.5,
             "prediction_type": "v_prediction", "timestep_spacing": "trailing", "steps_offset": 1,
             "set_alpha_to_one": false, "rescale_betas_zero_snr": true, "thresholding": false, "sample_max_value": 1.0}
            """);
    assertThat(config.numTrainTimesteps()).isEqualTo(3);
    assertThat(read(config.toJson())).isEqualTo(config);
  }

  @Test
  void readsTheSchedulerOfStableDiffusion() {
    SchedulerConfig config =
        read(
            """
            {"_class_name": "PNDMScheduler", "_diffusers_version": "0.21.4", "beta_end": 0.012,
             "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
             "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true,
             "steps_offset": 1, "timestep_spacing": "leading", "trained_betas": null}
            """);
    assertThat(config.sampler(4)).isInstanceOf(Pndm.class);
    assertThat(config.sampler(4).timesteps(config.schedule()))
        .containsExactly(751, 501, 501, 251, 1);
    // A scheduler keeps what it takes of another's configuration.
    assertThat(config.sampler(SchedulerKind.EULER_DISCRETE, 4).timesteps(config.schedule()))
        .containsExactly(751, 501, 251, 1);
  }

  @Test
  void readsWhatDiffusersWritesOfSolvers() {
    SchedulerConfig dpm =
        read(
            """
            {"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++",
             "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001,
             "dynamic_thresholding_ratio": 0.995, "euler_at_final": true, "final_sigmas_type": "sigma_min",
             "flow_shift": 1.0, "lambda_min_clipped": -Infinity, "lower_order_final": false,
             "num_train_timesteps": 1000, "prediction_type": "epsilon", "sample_max_value": 1.0,
             "solver_order": 3, "solver_type": "heun", "steps_offset": 0, "thresholding": true,
             "timestep_spacing": "linspace", "trained_betas": null, "use_beta_sigmas": false,
             "use_exponential_sigmas": false, "use_flow_sigmas": false, "use_karras_sigmas": true,
             "use_lu_lambdas": false, "variance_type": null}
            """);
    assertThat(dpm.solver())
        .isEqualTo(
            new SchedulerConfig.Solver(
                3, true, "heun", false, true, true, FinalSigma.SIGMA_MIN, false));
    assertThat(read(dpm.toJson())).isEqualTo(dpm);
    SchedulerConfig uniPc =
        read(
            """
            {"_class_name": "UniPCMultistepScheduler", "disable_corrector": [], "predict_x0": true,
             "solver_p": null, "solver_type": "bh1", "variance_type": "learned_range",
             "time_shift_type": "exponential", "use_dynamic_shifting": false, "shift_terminal": null}
            """);
    assertThat(uniPc.solver().solverType()).isEqualTo("bh1");
    SchedulerConfig heun = read("{\"_class_name\": \"HeunDiscreteScheduler\"}");
    assertThat(heun.betaStart()).isEqualTo(0.00085);
    assertThat(heun.betaEnd()).isEqualTo(0.012);
  }

  @ParameterizedTest
  @EnumSource(SchedulerKind.class)
  void everyClassHasItsSamplerWithDefaultsOfDiffusers(SchedulerKind kind) {
    SchedulerConfig config = read("{\"_class_name\": \"" + kind.className() + "\"}");
    assertThat(read(config.toJson())).isEqualTo(config);
    double first = config.sampler(10).timesteps(config.schedule())[0];
    switch (kind) {
      case DDIM_INVERSE -> assertThat(first).isZero();
      case DDPM, DDIM, PNDM -> assertThat(first).isEqualTo(900);
      default -> assertThat(first).isEqualTo(999);
    }
  }

  @Test
  void dpmSolverRefusesToPredictNoise() {
    assertThatThrownBy(
            () ->
                read(
                    "{\"_class_name\": \"DPMSolverMultistepScheduler\","
                        + " \"algorithm_type\": \"dpmsolver\"}"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("algorithm_type")
        .hasMessageContaining("dpmsolver++, sde-dpmsolver++");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          linear            | 0.0505
          scaled_linear     | 0.0303
          sigmoid           | 0.0505
          squaredcos_cap_v2 | 0.0308
          """)
  void buildsEverySchedule(String name, double middle) {
    SchedulerConfig config =
        read(
            "{\"beta_schedule\": \""
                + name
                + "\", \"num_train_timesteps\": 101, \"beta_start\": 0.001, \"beta_end\": 0.1}");
    assertThat(config.schedule().beta(50)).isCloseTo(middle, offset(5e-4));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          _class_name         | "LCMScheduler"  | DDPMScheduler, DDIMScheduler
          beta_schedule       | "exp"           | linear, scaled_linear, squaredcos_cap_v2, sigmoid
          variance_type       | "other"         | fixed_small, fixed_small_log, fixed_large
          prediction_type     | "flow"          | epsilon, sample, v_prediction
          timestep_spacing    | "karras"        | leading, linspace, trailing
          thresholding        | 1               | true or false
          use_beta_sigmas     | true            | null or false
          sigma_max           | 700             | null or false
          timestep_type       | "continuous"    | discrete
          predict_x0          | false           | true
          disable_corrector   | [0]             | []
          lambda_min_clipped  | -5.1            | -Infinity
          final_sigmas_type   | "one"           | zero, sigma_min
          solver_type         | "bh3"           | midpoint, heun, bh1, bh2, logrho
          solver_order        | 4               | 1 to 3
          dynamic_thresholding_ratio | 2        | 0 to 1
          beta_start          | 0               | numbers in (0, 1)
          num_train_timesteps | 0               | at least 1
          steps_offset        | -1              | at least 0
          clip_sample_range   | 0               | positive
          trained_betas       | ["a"]           | a list of numbers
          """)
  void whatCannotBeHonouredIsRefusedByName(String key, String value, String supported) {
    assertThatThrownBy(() -> read("{\"" + key + "\": " + value + "}"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("scheduler_config.json")
        .hasMessageContaining(supported);
  }
}
