package io.github.ddpm4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
          _class_name         | "PNDMScheduler" | DDPMScheduler, DDIMScheduler
          beta_schedule       | "exp"           | linear, scaled_linear, squaredcos_cap_v2, sigmoid
          variance_type       | "learned_range" | fixed_small, fixed_large, fixed_small_log
          prediction_type     | "flow"          | epsilon, sample, v_prediction
          timestep_spacing    | "karras"        | leading, linspace, trailing
          thresholding        | true            | null or false
          skip_prk_steps      | 3               | null or false
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
