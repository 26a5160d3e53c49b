package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.ClosedException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Dropout;
import io.github.ddpm4j.unet.layers.Initialization;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What callers may rely on: batches, seeds, dropout, errors. */
class UNetTest {
  private static final int SIZE = 8;

  private final Scope scope = Scope.open(Device.cpu());

  @AfterEach
  void close() {
    scope.close();
  }

  private Tensor pictures(int images, int channels) {
    Shape shape = Shape.of(images, SIZE, SIZE, channels);
    return scope.tensor(shape, TestConfigs.gaussians(new Random(1), (int) shape.count()));
  }

  @Test
  void predictionsDoNotDependOnTheBatch() {
    // Large enough a batch for several passes.
    int images = 80;
    for (NetworkConfig config :
        new NetworkConfig[] {TestConfigs.tiny().build(), TestConfigs.tinyDualPath()}) {
      try (UNet unet = UNet.create(config, Device.cpu(), 1)) {
        Tensor x = pictures(images, config.inChannels());
        float[] all = unet.predict(x, 500).toArray();
        int size = all.length / images;
        for (int i : new int[] {0, 1, 37, images - 1}) {
          float[] alone = unet.predict(x.slice(i, 1), 500).toArray();
          assertThat(alone).isEqualTo(Arrays.copyOfRange(all, i * size, (i + 1) * size));
        }
        Tensor t = scope.allocate(Shape.of(images)).fill(500);
        assertThat(unet.forward(x, t).toArray()).isEqualTo(all);
      }
    }
  }

  @Test
  void sameSeedSameNetwork() {
    try (UNet a = UNet.create(TestConfigs.tiny().build(), Device.cpu(), 1);
        UNet b = UNet.create(TestConfigs.tiny().build(), Device.cpu(), 1);
        UNet c = UNet.create(TestConfigs.tiny().build(), Device.cpu(), 2)) {
      assertThat(a.parameters().values().toArray()).isEqualTo(b.parameters().values().toArray());
      assertThat(a.parameters().values().toArray()).isNotEqualTo(c.parameters().values().toArray());
    }
  }

  @Test
  void predictionsAreTheSameWhetherATapeRecords() {
    UNetConfig.Builder[] configs = {
      TestConfigs.tiny(),
      TestConfigs.tiny()
          .resnetTimeScaleShift(UNetConfig.TimeScaleShift.SCALE_SHIFT)
          .downsampleType(UNetConfig.Resampling.RESNET)
          .upsampleType(UNetConfig.Resampling.RESNET)
    };
    for (UNetConfig.Builder config : configs) {
      try (UNet unet = UNet.create(config.build(), Device.cpu(), 1);
          Scope recording = Scope.recording(Device.cpu())) {
        TestConfigs.perturb(unet, new Random(2));
        Tensor x = pictures(2, 3);
        Tensor t = scope.allocate(Shape.of(2)).fill(5);
        float[] kept = unet.forward(x.in(recording), t.in(recording)).toArray();
        assertThat(unet.forward(x, t).toArray()).isEqualTo(kept);
      }
    }
  }

  @Test
  void zeroOutputsPredictZero() {
    try (UNet unet =
        UNet.create(TestConfigs.tiny().build(), Device.cpu(), 1, Initialization.ZERO_OUTPUTS)) {
      assertThat(unet.predict(pictures(1, 3), 10).toArray()).containsOnly(0);
    }
  }

  @Test
  void dropoutDependsOnSeedAndImageOnly() {
    try (UNet unet = UNet.create(TestConfigs.tiny().dropout(0.3).build(), Device.cpu(), 1)) {
      Tensor x = pictures(4, 3);
      Tensor t = scope.allocate(Shape.of(4)).fill(5);
      float[] first = unet.forward(x, t, null, unet.trainingDropout(9, 100)).toArray();
      float[] again = unet.forward(x, t, null, unet.trainingDropout(9, 100)).toArray();
      float[] other = unet.forward(x, t, null, unet.trainingDropout(10, 100)).toArray();
      float[] third =
          unet.forward(x.slice(2, 1), t.slice(2, 1), null, unet.trainingDropout(9, 102)).toArray();
      int size = first.length / 4;
      assertThat(again).isEqualTo(first);
      assertThat(other).isNotEqualTo(first);
      assertThat(third).isEqualTo(Arrays.copyOfRange(first, 2 * size, 3 * size));
      assertThat(unet.forward(x, t).toArray()).isNotEqualTo(first);
    }
  }

  @Test
  void labelsPickTheClass() {
    try (UNet unet = UNet.create(TestConfigs.tiny().numClassEmbeds(4).build(), Device.cpu(), 1)) {
      Tensor x = pictures(2, 3);
      float[] both = unet.withLabels(1, 3).predict(x, 10).toArray();
      float[] second = unet.withLabels(3).predict(x.slice(1, 1), 10).toArray();
      assertThat(second).isEqualTo(Arrays.copyOfRange(both, both.length / 2, both.length));
      assertThat(unet.withLabels(1, 2).predict(x, 10).toArray()).isNotEqualTo(both);
      assertThat(unet.withLabels(3).predict(x, 10).toArray())
          .isEqualTo(unet.withLabels(3, 3).predict(x, 10).toArray());
      assertThatThrownBy(() -> unet.predict(x, 10))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("class labels");
      assertThatThrownBy(() -> unet.withLabels(1, 2, 3).predict(x, 10))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("[3]");
      assertThatThrownBy(() -> unet.withLabels(1, 4).predict(x, 10))
          .isInstanceOf(InvalidArgumentException.class);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    try (UNet unet = UNet.create(TestConfigs.tiny().build(), Device.cpu(), 1)) {
      Tensor x = pictures(2, 3);
      Tensor t = scope.zeros(Shape.of(2));
      assertThatThrownBy(() -> unet.predict(pictures(1, 4), 0))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("[1,8,8,4]");
      assertThatThrownBy(() -> unet.predict(scope.zeros(Shape.of(1, 6, 8, 3)), 0))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("divisible by 4");
      assertThatThrownBy(() -> unet.forward(x, scope.zeros(Shape.of(3))))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("expected [2]");
      assertThatThrownBy(() -> unet.forward(x, t, t))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("without classes");
      assertThatThrownBy(() -> new Dropout(1, 0, 0)).isInstanceOf(InvalidArgumentException.class);
    }
  }

  @Test
  void closedNetworkIsRefused() {
    UNet unet = UNet.create(TestConfigs.tiny().build(), Device.cpu(), 1);
    unet.close();
    unet.close();
    assertThatThrownBy(() -> unet.predict(pictures(1, 3), 0)).isInstanceOf(ClosedException.class);
  }
}
