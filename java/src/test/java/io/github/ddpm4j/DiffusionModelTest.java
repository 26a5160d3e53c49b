package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.sampler.Interpolation;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DiffusionModelTest {
  private static final int STEPS = 4;

  private DiffusionModel mnist;

  @BeforeAll
  void open() {
    mnist = DiffusionModel.pretrained("mnist");
  }

  @AfterAll
  void close() {
    mnist.close();
  }

  private Images sample(int count, int batch) {
    return mnist.sample(SampleOptions.count(count).seed(3).batch(batch).sampler(mnist.ddim(STEPS)));
  }

  @Test
  void anImageDoesNotDependOnItsBatch() {
    float[] expected = sample(64, 64).slice(5, 1).pixels();
    assertThat(sample(8, 8).slice(5, 1).pixels()).isEqualTo(expected);
    assertThat(sample(8, 3).slice(5, 1).pixels()).isEqualTo(expected);
    assertThat(sample(6, 1).slice(5, 1).pixels()).isEqualTo(expected);
  }

  @Test
  void threadsDoNotChangeAByte() {
    int threads = Device.threads();
    try {
      Device.setThreads(1);
      byte[] one = sample(5, 5).bytes();
      Device.setThreads(2);
      assertThat(sample(5, 5).bytes()).isEqualTo(one);
    } finally {
      Device.setThreads(threads);
    }
  }

  @Test
  void seedsDiffer() {
    Images other = mnist.sample(SampleOptions.count(1).seed(4).sampler(mnist.ddim(STEPS)));
    assertThat(other.pixels()).isNotEqualTo(sample(1, 1).pixels());
  }

  @Test
  void twoThreadsMaySampleAtATime() throws Exception {
    float[] expected = sample(4, 4).pixels();
    float[][] got = new float[2][];
    Thread[] threads = new Thread[2];
    for (int i = 0; i < 2; i++) {
      int index = i;
      threads[i] = new Thread(() -> got[index] = sample(4, 4).pixels());
      threads[i].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(got[0]).isEqualTo(expected);
    assertThat(got[1]).isEqualTo(expected);
  }

  @Test
  void listenersSeeEveryStepAndMayEndTheSampling() {
    int[] seen = {0};
    mnist.sample(
        SampleOptions.count(3)
            .batch(2)
            .sampler(mnist.ddim(STEPS))
            .onStep((index, steps, t, x, x0) -> seen[0] += steps == STEPS ? x.dim(0) : 0));
    assertThat(seen[0]).isEqualTo(3 * STEPS);
    assertThatThrownBy(
            () ->
                mnist.sample(
                    SampleOptions.count(1)
                        .onStep(
                            (index, steps, t, x, x0) -> {
                              throw new IllegalStateException("enough");
                            })))
        .hasMessage("enough");
  }

  @Test
  void picturesBetweenTwo() {
    Images pair = sample(2, 2);
    Interpolation way = Interpolation.by(mnist.ddim(STEPS).skipping(STEPS - 1));
    Images between = mnist.interpolate(pair, way, Noise.philox(0), 0, 0.5, 1);
    assertThat(between.count()).isEqualTo(3);
    // Little noise was added, so the ends are much like the two.
    assertThat(distance(between, 0, pair, 0)).isLessThan(distance(between, 0, pair, 1) / 3);
    assertThat(distance(between, 2, pair, 1)).isLessThan(distance(between, 2, pair, 0) / 3);
    assertThatThrownBy(() -> mnist.interpolate(between, way, Noise.philox(0), 0.5))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("3 images given, expected 2");
  }

  private static double distance(Images a, int i, Images b, int j) {
    float[] first = a.slice(i, 1).pixels();
    float[] second = b.slice(j, 1).pixels();
    double sum = 0;
    for (int p = 0; p < first.length; p++) {
      sum += (first[p] - second[p]) * (first[p] - second[p]);
    }
    return Math.sqrt(sum);
  }

  @Test
  void closingTwiceIsHarmlessAndUseAfterCloseThrows() {
    DiffusionModel model = DiffusionModel.pretrained("mnist");
    model.close();
    model.close();
    assertThatThrownBy(() -> model.sample(1)).isInstanceOf(ClosedException.class);
  }

  @Test
  void badArgumentsAreNamed() {
    assertThatThrownBy(() -> DiffusionModel.pretrained("imagenet"))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("imagenet");
    assertThatThrownBy(() -> mnist.sample(0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("count is 0, expected at least 1");
    assertThatThrownBy(() -> mnist.sample(Integer.MAX_VALUE))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Device.of("tpu")).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> Device.of("cuda"))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining(Device.cudaStatus());
    assertThatThrownBy(() -> DiffusionModel.load(Path.of("/nowhere")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("/nowhere");
  }

  @Test
  void labelsAndGuidanceReachTheNetwork() {
    UNet unet = UNet.create(tiny().numClassEmbeds(4).build(), Device.cpu(), 0);
    try (DiffusionModel model = new DiffusionModel(unet, SchedulerConfig.defaults())) {
      SampleOptions options = SampleOptions.count(3).sampler(model.ddim(STEPS));
      SampleOptions labelled = options.labels(0, 1, 2).guidance(2.5, 3);
      float[] guided = model.sample(labelled).pixels();
      assertThat(model.sample(labelled.batch(2)).pixels()).isEqualTo(guided);
      assertThat(model.sample(options.labels(1).guidance(2.5, 3)).slice(1, 1).pixels())
          .isEqualTo(Arrays.copyOfRange(guided, 64, 128));
      assertThat(model.sample(options.labels(0, 1, 2)).pixels()).isNotEqualTo(guided);
      assertThatThrownBy(() -> model.sample(options))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("class labels");
      assertThatThrownBy(() -> options.labels(1, 2))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessage("2 labels given, expected 1 or one for each of 3 images");
    }
  }

  @Test
  void aLearnedVarianceIsSampledWith() {
    UNet unet = UNet.create(tiny().outChannels(2).build(), Device.cpu(), 0);
    try (DiffusionModel model = new DiffusionModel(unet, SchedulerConfig.defaults())) {
      SampleOptions options = SampleOptions.count(2);
      Images learned =
          model.sample(options.sampler(model.ddpm(STEPS).variance(VarianceType.LEARNED_RANGE)));
      assertThat(learned.pixels()).isNotEqualTo(model.sample(options).pixels());
      for (float pixel : learned.pixels()) {
        assertThat(pixel).isFinite();
      }
    }
  }

  private static UNetConfig.Builder tiny() {
    return UNetConfig.builder()
        .sampleSize(8)
        .inChannels(1)
        .outChannels(1)
        .blockOutChannels(8)
        .layersPerBlock(1)
        .downBlockTypes(BlockType.PLAIN)
        .upBlockTypes(BlockType.PLAIN)
        .normNumGroups(4);
  }

  @Test
  void tenThousandSamplesKeepNativeMemoryFlat() {
    UNetConfig config = tiny().build();
    try (DiffusionModel model =
        new DiffusionModel(UNet.create(config, Device.cpu(), 0), SchedulerConfig.defaults())) {
      SampleOptions one = SampleOptions.count(1).sampler(model.ddim(1));
      model.sample(one);
      long before = NativeApi.ddpm_block_bytes(0);
      for (int i = 0; i < 10_000; i++) {
        model.sample(one);
      }
      assertThat(NativeApi.ddpm_block_bytes(0)).isEqualTo(before);
    }
  }
}
