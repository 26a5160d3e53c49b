package io.github.ddpm4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.TrainingDivergedException;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.DualPathUNetConfig;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TrainerTest {
  @Test
  void learnsEightImagesByHeart() {
    try (UNet unet = TinyRun.unet()) {
      Trainer trainer =
          new Trainer(
              unet, SchedulerConfig.defaults(), TinyRun.squares(8), TinyRun.config(500, 8, 1));
      double first = 0;
      double last = 0;
      for (int i = 0; i < 500; i++) {
        double loss = trainer.step().loss();
        first += i < 5 ? loss / 5 : 0;
        last += i >= 400 ? loss / 100 : 0;
      }
      // The network starts at zero, where the loss is the noise's variance.
      assertThat(first).isBetween(0.7, 1.3);
      assertThat(last).isLessThan(first / 5);
    }
  }

  @ParameterizedTest
  @EnumSource(PredictionType.class)
  void predictsTheOneImageItHasLearned(PredictionType type) {
    SchedulerConfig scheduler =
        SchedulerConfig.fromJson(
            Path.of("scheduler"), "{\"prediction_type\": \"" + type.configName() + "\"}");
    ImageDataset one = TinyRun.squares(1);
    byte[] copies = new byte[8 * one.imageSize()];
    for (int i = 0; i < copies.length; i++) {
      copies[i] = one.pixels()[i % one.imageSize()];
    }
    ImageDataset data = new ImageDataset(8, 8, 8, 1, copies, null);
    TrainConfig config = TinyRun.config(400, 8, 1).toBuilder().randomFlip(false).build();
    try (UNet unet = TinyRun.unet();
        Scope scope = Scope.open(Device.cpu())) {
      Trainer trainer = new Trainer(unet, scheduler, data, config);
      for (int i = 0; i < 400; i++) {
        trainer.step();
      }
      Tensor x0 = scope.tensor(Shape.of(1, 8, 8, 1), data.images(0).pixels());
      Tensor noise = Noise.philox(99).fill(scope.allocate(x0.shape()), 0);
      int t = 300;
      Tensor xt = new ForwardProcess(scheduler.schedule()).jump(x0, noise, t);
      float[] output = unet.predict(xt, t).toArray();
      PredictionType.Combination back = type.x0(scheduler.schedule().alphaBar(t));
      double error = 0;
      for (int i = 0; i < output.length; i++) {
        double predicted = back.fromXt() * xt.toArray()[i] + back.fromOutput() * output[i];
        error += Math.abs(predicted - x0.toArray()[i]) / output.length;
      }
      // Pixels are -1 or 1: not to know the image costs about 1, to have learned another target
      // 0.6.
      assertThat(error).isLessThan(0.4);
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
      Trainer one = TinyRun.trainer(whole, TinyRun.config(10, 8, 1));
      Trainer two = TinyRun.trainer(halves, TinyRun.config(10, 4, 2));
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
          Trainer trainer = TinyRun.trainer(unet, TinyRun.config(10, 8, 1));
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
    TrainConfig linear = config.toBuilder().decay(LearningRateDecay.LINEAR).build();
    assertThat(linear.learningRateAt(51)).isCloseTo(1e-3, within(1e-12));
    assertThat(linear.learningRateAt(100)).isCloseTo(2e-5, within(1e-12));
  }

  @Test
  void aLossThatIsNotFiniteEndsTheRun() {
    try (UNet unet = TinyRun.unet()) {
      Trainer trainer = TinyRun.trainer(unet, TinyRun.config(10, 8, 1));
      unet.parameters().values().fill(Float.NaN);
      assertThatThrownBy(trainer::step)
          .isInstanceOfSatisfying(
              TrainingDivergedException.class, e -> assertThat(e.step()).isEqualTo(1))
          .hasMessageContaining("step 1 has loss NaN");
      assertThat(trainer.state().step()).isZero();
    }
  }

  @Test
  void badConfigurationsAreRefusedByName() {
    assertThatThrownBy(() -> TinyRun.config(0, 8, 1))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("steps is 0, expected at least 1");
    assertThatThrownBy(() -> TrainConfig.builder().batch(1 << 16).accumulation(1 << 16).build())
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("4294967296");
    try (UNet unet = TinyRun.unet()) {
      assertThatThrownBy(() -> TinyRun.trainer(unet, TinyRun.config(10, 100, 1)))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("64 images");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'batch': -1}     | batch is -1",
        "{'batch': 48.5}   | batch: is 48.5",
        "{'steps': '7'}    | steps: is",
        "{'seed': 1e30}    | seed: is",
        "{'decay': 'step'} | supported: constant, linear, cosine",
        "{'bach': 1}       | bach: is 1",
        "[]                | object",
        "{                 | JSON"
      })
  void badJsonIsRefusedByKey(String json, String complaint) {
    assertThatThrownBy(() -> TrainConfig.fromJson(Path.of("plan.json"), json.replace('\'', '"')))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("plan.json")
        .hasMessageContaining(complaint);
  }

  @Test
  void networksThatCannotBeTrainedOnTheDataAreRefused() {
    UNetConfig.Builder[] networks = {
      tiny().inChannels(3).outChannels(3),
      tiny().outChannels(2),
      tiny().numClassEmbeds(10),
      tiny().sampleSize(16)
    };
    for (UNetConfig.Builder network : networks) {
      try (UNet unet = UNet.create(network.build(), Device.cpu(), 1)) {
        assertThatThrownBy(() -> TinyRun.trainer(unet, TinyRun.config(10, 8, 1)))
            .isInstanceOf(InvalidArgumentException.class)
            .hasMessageContaining("expected");
      }
    }
  }

  private static UNetConfig.Builder tiny() {
    return UNetConfig.builder()
        .sampleSize(8)
        .inChannels(1)
        .outChannels(1)
        .blockOutChannels(8)
        .downBlockTypes(BlockType.PLAIN)
        .upBlockTypes(BlockType.PLAIN)
        .normNumGroups(4);
  }

  @Test
  void configurationsSurviveJson() {
    TrainConfig config = TinyRun.config(123, 8, 2);
    assertThat(config.toBuilder().build()).isEqualTo(config);
    Path file = Path.of("plan.json");
    assertThat(TrainConfig.fromJson(file, config.toJson())).isEqualTo(config);
    assertThat(TrainConfig.fromJson(file, "{}")).isEqualTo(TrainConfig.defaults());
    assertThat(TrainPlan.preset("mnist").training().batch()).isEqualTo(48);
    TrainPlan notebook = TrainPlan.preset("notebook");
    assertThat(notebook.network()).isEqualTo(DualPathUNetConfig.builder().build());
    assertThat(notebook.scheduler().predictionType()).isEqualTo(PredictionType.EPSILON);
    // 50 epochs of 60,000 images.
    assertThat(notebook.training().steps()).isEqualTo(notebook.training().stepsOf(50, 60_000));
    assertThatThrownBy(() -> TrainPlan.preset("nothing"))
        .isInstanceOf(InvalidArgumentException.class);
  }

  @Test
  void epochsAreCountedInSteps() {
    assertThat(TinyRun.config(1, 8, 2).stepsOf(2, 100)).isEqualTo(13);
  }
}
