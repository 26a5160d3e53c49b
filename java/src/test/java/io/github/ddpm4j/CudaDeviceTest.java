package io.github.ddpm4j;

import static io.github.ddpm4j.CudaComparison.assertLikeTheCpu;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.ops.TrainingOps;
import io.github.ddpm4j.optimal.OptimalDenoiser;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.sampler.Ddpm;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.DeviceGraph;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.train.TrainConfig;
import io.github.ddpm4j.train.Trainer;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Networks on the first CUDA device, beside the CPU. The execution {@code simt-device} of the build
 * runs this with a library whose CUDA devices are run on the CPU.
 */
class CudaDeviceTest {
  private static final UNetConfig NETWORK =
      UNetConfig.builder()
          .sampleSize(8)
          .inChannels(1)
          .outChannels(1)
          .blockOutChannels(8, 16)
          .layersPerBlock(1)
          .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION)
          .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN)
          .normNumGroups(4)
          .build();

  private static Device cuda;

  @BeforeAll
  static void findDevice() {
    cuda = CudaComparison.device();
    // Two ways of summing differ by chance; Winograd's would differ by its own error.
    Device.setConvolution("direct");
  }

  @AfterAll
  static void restore() {
    Device.setConvolution("auto");
  }

  @Test
  void hasNameAndProperties() {
    assertThat(Device.of("cuda")).isSameAs(cuda).isSameAs(Device.of("cuda:0"));
    assertThat(cuda).hasToString("cuda:0");
    assertThat(cuda.name()).isNotEmpty();
    assertThat(cuda.cudaProperties().memory()).isPositive();
    assertThat(cuda.cudaProperties().computeCapability()).isGreaterThanOrEqualTo(80);
    assertThatThrownBy(() -> Device.cuda(Device.cudaCount()))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("cuda:" + Device.cudaCount());
    assertThatThrownBy(() -> Device.cuda(-1)).isInstanceOf(InvalidArgumentException.class);
  }

  @Test
  void memoryIsTheDevices() {
    try (Scope scope = Scope.open(cuda);
        Scope host = Scope.open(Device.cpu())) {
      Tensor x = scope.tensor(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
      assertThat(scope.zeros(Shape.of(6)).copyFrom(x).toArray()).containsExactly(1, 2, 3, 4, 5, 6);
      Tensor other = host.zeros(Shape.of(6));
      assertThatThrownBy(() -> other.copyFrom(x))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("device");
      assertThatThrownBy(() -> scope.allocate(Shape.of(1 << 15, 1 << 15, 1 << 8)))
          .isInstanceOf(OutOfNativeMemoryException.class);
    }
  }

  @Test
  void devicesAreApart() {
    assumeTrue(Device.cudaCount() > 1, "there is one device");
    Device other = Device.cuda(1);
    try (Scope first = Scope.open(cuda);
        Scope second = Scope.open(other)) {
      Tensor x = first.tensor(Shape.of(2), 1, 2);
      Tensor y = second.tensor(Shape.of(2), 3, 4);
      assertThat(PointwiseOps.add(y, y).toArray()).containsExactly(6, 8);
      assertThat(y.device()).isSameAs(other);
      assertThatThrownBy(() -> PointwiseOps.add(x, y))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("device");
    }
  }

  @Test
  void graphsRepeatOps() {
    try (Scope scope = Scope.open(cuda)) {
      Tensor x = scope.tensor(Shape.of(2), 1, 2);
      Tensor y = scope.zeros(Shape.of(2));
      try (DeviceGraph graph = DeviceGraph.capture(cuda, () -> y.copyFrom(x))) {
        assertThat(y.toArray()).containsExactly(0, 0);
        x.copyFrom(new float[] {3, 4});
        graph.run();
        assertThat(y.toArray()).containsExactly(3, 4);
      }
      assertThatThrownBy(() -> DeviceGraph.capture(cuda, x::toArray))
          .isInstanceOf(NotSupportedException.class)
          .hasMessageContaining("captured");
      assertThat(x.toArray()).containsExactly(3, 4);
      assertThatThrownBy(() -> DeviceGraph.capture(Device.cpu(), () -> {}))
          .isInstanceOf(NotSupportedException.class);
    }
  }

  @Test
  void predictsAsTheCpuDoesAndAgainFromItsGraph() {
    float[] pixels = gaussians(2 * 64);
    assertLikeTheCpu(
        device -> {
          try (UNet unet = unet(device);
              Scope scope = Scope.open(device)) {
            Tensor x = scope.tensor(Shape.of(2, 8, 8, 1), pixels);
            float[] first = unet.predict(x, 300).toArray();
            // The second pass of a shape is captured, the third repeats it for another timestep.
            assertThat(unet.predict(x, 300).toArray()).containsExactly(first);
            unet.predict(x, 20);
            try (Scope others = Scope.open(device)) {
              // Memory that the captured pass gave back would be among these.
              Tensor[] zeros =
                  Stream.generate(() -> others.zeros(Shape.of(1 << 18)))
                      .limit(8)
                      .toArray(Tensor[]::new);
              assertThat(unet.predict(x, 300).toArray()).containsExactly(first);
              assertThat(zeros).allMatch(tensor -> TrainingOps.sumSquares(tensor) == 0);
            }
            assertThat(unet.predict(x, 20).toArray()).isNotEqualTo(first);
            return first;
          }
        });
  }

  @Test
  void trainsAsTheCpuDoes() {
    byte[] pixels = new byte[4 * 64];
    new Random(3).nextBytes(pixels);
    ImageDataset data = new ImageDataset(4, 8, 8, 1, pixels, new byte[4]);
    TrainConfig config =
        TrainConfig.builder().steps(1).batch(2).accumulation(2).seed(5).sampleEvery(0).build();
    assertLikeTheCpu(
        device -> {
          try (UNet unet = unet(device)) {
            float[] before = unet.parameters().values().toArray();
            Trainer trainer = new Trainer(unet, SchedulerConfig.defaults(), data, config);
            assertThat(trainer.step().loss()).isPositive();
            assertThat(unet.parameters().values().toArray()).isNotEqualTo(before);
            return unet.parameters().gradients().toArray();
          }
        });
  }

  @Test
  void theOptimalDenoiserHasTheCpusBits() {
    byte[] pixels = new byte[100 * 64];
    new Random(4).nextBytes(pixels);
    ImageDataset data = new ImageDataset(100, 8, 8, 1, pixels, new byte[100]);
    float[] noisy = gaussians(3 * 64);
    List<float[]> results = new ArrayList<>();
    for (Device device : List.of(Device.cpu(), cuda)) {
      try (OptimalDenoiser denoiser =
              OptimalDenoiser.over(data, NoiseSchedule.linear(1000), device);
          Scope scope = Scope.open(device)) {
        Tensor x = scope.tensor(Shape.of(3, 8, 8, 1), noisy);
        results.add(denoiser.predict(x, 400).toArray());
        assertThat(denoiser.nearest(x, 400, 2)).hasDimensions(3, 2);
      }
    }
    assertThat(results.get(1)).containsExactly(results.get(0));
  }

  static Stream<Sampler> samplers() {
    return Stream.of(Ddpm.steps(3), Ddim.steps(3));
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void samplesAsTheCpuDoes(Sampler sampler) {
    assertLikeTheCpu(
        device -> {
          try (DiffusionModel model =
              new DiffusionModel(unet(device), SchedulerConfig.defaults())) {
            Images images = model.sample(SampleOptions.count(2).seed(7).sampler(sampler));
            return images.pixels();
          }
        });
  }

  private static UNet unet(Device device) {
    return UNet.create(NETWORK, device, 1);
  }

  private static float[] gaussians(int count) {
    Random random = new Random(7);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
