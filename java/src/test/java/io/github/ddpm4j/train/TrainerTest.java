package io.github.ddpm4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.unet.UNet;
import org.junit.jupiter.api.Test;

class TrainerTest {
  private static Trainer trainer(UNet unet, TrainConfig config) {
    return new Trainer(unet, NoiseSchedule.linear(1000), TinyRun.squares(64), config);
  }

  @Test
  void learns() {
    try (UNet unet = TinyRun.unet()) {
      Trainer trainer = trainer(unet, TinyRun.config(300, 16, 1));
      double first = 0;
      double last = 0;
      for (int i = 0; i < 300; i++) {
        double loss = trainer.step().loss();
        first += i < 5 ? loss / 5 : 0;
        last += i >= 250 ? loss / 50 : 0;
      }
      // The network starts at zero, where the loss is the noise's variance.
      assertThat(first).isBetween(0.7, 1.3);
      assertThat(last).isLessThan(first / 4);
    }
  }

  @Test
  void twoBatchesOfFourAreOneOfEight() {
    try (UNet whole = TinyRun.unet();
        UNet halves = TinyRun.unet()) {
      // The same samples with the same noise; only the order of the sums differs. Adam's first
      // steps divide gradients by
      // their own size, which blows roundings up where a gradient is nearly zero: so losses are
      // compared, not parameters.
      Trainer one = trainer(whole, TinyRun.config(10, 8, 1));
      Trainer two = trainer(halves, TinyRun.config(10, 4, 2));
      Trainer.StepResult expected = one.step();
      Trainer.StepResult got = two.step();
      assertThat(got.loss()).isCloseTo(expected.loss(), within(1e-6 * expected.loss()));
      assertThat(got.gradientNorm())
          .isCloseTo(expected.gradientNorm(), within(1e-5 * expected.gradientNorm()));
    }
  }

  @Test
  void threadsDoNotChangeABit() {
    int threads = Device.threads();
    float[][] parameters = new float[2][];
    try {
      for (int t = 1; t <= 2; t++) {
        Device.setThreads(t);
        try (UNet unet = TinyRun.unet()) {
          Trainer trainer = trainer(unet, TinyRun.config(10, 8, 1));
          for (int i = 0; i < 10; i++) {
            trainer.step();
          }
          parameters[t - 1] = unet.parameters().values().toArray();
        }
      }
    } finally {
      Device.setThreads(threads);
    }
    assertThat(parameters[0]).isEqualTo(parameters[1]);
  }

  @Test
  void averageFollowsItsWarmUp() {
    TrainConfig config = TinyRun.config(100, 8, 1);
    assertThat(config.emaDecayAt(1)).isEqualTo(2.0 / 11);
    assertThat(config.emaDecayAt(100_000)).isEqualTo(0.99);
  }

  @Test
  void learningRateWarmsUpAndDecays() {
    TrainConfig config = TinyRun.config(100, 8, 1);
    assertThat(config.learningRateAt(1)).isCloseTo(2e-3 / 5, within(1e-12));
    assertThat(config.learningRateAt(51)).isCloseTo(1e-3, within(1e-12));
    assertThat(config.learningRateAt(100)).isLessThan(1e-5);
  }

  @Test
  void aLossThatIsNotFiniteEndsTheRun() {
    try (UNet unet = TinyRun.unet()) {
      Trainer trainer = trainer(unet, TinyRun.config(10, 8, 1));
      unet.parameters().values().fill(Float.NaN);
      assertThatThrownBy(trainer::step)
          .isInstanceOf(DdpmException.class)
          .hasMessageContaining("step 1 has loss NaN");
      assertThat(trainer.state().step()).isZero();
    }
  }

  @Test
  void badConfigurationsAreRefusedByName() {
    assertThatThrownBy(() -> TinyRun.config(0, 8, 1))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("steps is 0, expected at least 1");
    assertThatThrownBy(() -> TrainConfig.fromJson("{\"batch\": -1}"))
        .hasMessageContaining("batch is -1");
    assertThatThrownBy(() -> TrainConfig.fromJson("{\"bach\": 1}"))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("bach");
    assertThatThrownBy(() -> TrainConfig.fromJson("[]"))
        .isInstanceOf(InvalidArgumentException.class);
    try (UNet unet = TinyRun.unet()) {
      assertThatThrownBy(() -> trainer(unet, TinyRun.config(10, 100, 1)))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("64 images");
    }
  }

  @Test
  void configurationsSurviveJson() {
    TrainConfig config = TinyRun.config(123, 8, 2);
    assertThat(TrainConfig.fromJson(config.toJson())).isEqualTo(config);
    assertThat(TrainConfig.fromJson("{}")).isEqualTo(TrainConfig.defaults());
    assertThat(TrainPlan.preset("mnist").training().batch()).isEqualTo(48);
    assertThatThrownBy(() -> TrainPlan.preset("nothing"))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
