package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.CudaComparison;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole steps as graphs on the first CUDA device, beside the same steps op by op. */
class CapturedRunTest {
  private static final String GRAPHS = "ddpm4j.graphs";
  private static final int IMAGES = 3;

  /** A step as a listener sees it, and what the device was asked for since the last one. */
  private record Step(float[] x, float[] x0, long ops, long graphs) {}

  private static Device cuda;

  @BeforeAll
  static void findDevice() {
    cuda = CudaComparison.device();
    Device.setConvolution("direct");
  }

  @AfterAll
  static void restore() {
    Device.setConvolution("auto");
  }

  static Stream<Sampler> captured() {
    return Stream.of(
        Ddpm.steps(3),
        Ddim.steps(3),
        Ddim.steps(3).eta(1).useClippedModelOutput(true),
        DdimInverse.steps(3),
        Pndm.steps(4),
        Pndm.steps(3).skipPrkSteps(true),
        DpmSolverPlusPlus.steps(3),
        DpmSolverPlusPlus.steps(4).order(3).lowerOrderFinal(false).sde(true),
        UniPc.steps(4).order(3).lowerOrderFinal(false),
        Deis.steps(4).order(3).lowerOrderFinal(false),
        Euler.steps(3).churn(1),
        EulerAncestral.steps(3),
        Heun.steps(3));
  }

  @ParameterizedTest
  @MethodSource("captured")
  void aStepIsOneGraphAndHasTheBitsOfItsOps(Sampler sampler) {
    SampleOptions options = SampleOptions.count(IMAGES).seed(7).sampler(sampler);
    List<Step> plain = steps(null, options, "off");
    List<Step> graphs = steps(null, options, "on");
    assertThat(plain).hasSameSizeAs(sampler.timesteps(NoiseSchedule.linear(1000)));
    assertThat(plain).allMatch(step -> step.graphs() == 0 && step.ops() > 10);
    assertThat(graphs.subList(1, graphs.size()))
        .allMatch(step -> step.graphs() == 1 && step.ops() == 0);
    assertSameBits(graphs, plain);
    try (DiffusionModel model = model(cuda, null)) {
      // Without a listener, who wants x̂_0.
      assertThat(model.sample(options).pixels()).containsExactly(graphs.get(graphs.size() - 1).x());
    }
  }

  @ParameterizedTest
  @MethodSource("captured")
  void samplesAreLikeTheCpus(Sampler sampler) {
    CudaComparison.assertLikeTheCpu(
        device -> {
          try (DiffusionModel model = model(device, null)) {
            return model.sample(SampleOptions.count(1).seed(7).sampler(sampler)).pixels();
          }
        });
  }

  static Stream<Sampler> computedOnTheHost() {
    Images picture = new Images(1, 8, 8, 1, new float[64]);
    return Stream.of(
        Ddim.steps(3).thresholding(0.9, 2),
        UniPc.steps(3).thresholding(0.9, 2),
        RePaint.of(picture, picture).steps(3).jumps(1, 1).eta(1));
  }

  @ParameterizedTest
  @MethodSource("computedOnTheHost")
  void stepsThatComputeOnTheHostGoOpByOp(Sampler sampler) {
    assertOpByOp(options -> options.sampler(sampler));
  }

  @Test
  void noiseOfAStreamIsDrawnStepByStep() {
    assertOpByOp(options -> options.sampler(Ddpm.steps(3)).noise(Noise.torch(7)));
  }

  /** A run that cannot be captured is as if nobody had tried. */
  private static void assertOpByOp(UnaryOperator<SampleOptions> options) {
    SampleOptions all = options.apply(SampleOptions.count(IMAGES).seed(7));
    List<Step> plain = steps(null, all, "off");
    List<Step> steps = steps(null, all, "on");
    assertThat(steps).allMatch(step -> step.ops() > 0);
    assertSameBits(steps, plain);
  }

  @Test
  void classesAndGuidanceAreCapturedToo() {
    SampleOptions options =
        SampleOptions.count(IMAGES).seed(7).sampler(Ddim.steps(3)).labels(0, 2, 1).guidance(3, 3);
    List<Step> plain = steps(4, options, "off");
    List<Step> graphs = steps(4, options, "on");
    assertThat(graphs.subList(1, 3)).allMatch(step -> step.graphs() == 1 && step.ops() == 0);
    assertSameBits(graphs, plain);
  }

  @Test
  void otherPredictorsGoCallByCall() {
    try (DiffusionModel model = model(cuda, null)) {
      List<Step> steps = new ArrayList<>();
      Images images =
          DiffusionModel.sample(
              (xt, t) -> model.unet().predict(xt, t),
              NoiseSchedule.linear(1000),
              Shape.of(8, 8, 1),
              SampleOptions.count(IMAGES).seed(7).sampler(Ddim.steps(4)).onStep(listener(steps)),
              cuda);
      // The network's pass is a graph from the third call on, the sampler's step is not.
      assertThat(steps.subList(2, 4)).allMatch(step -> step.graphs() == 1 && step.ops() > 0);
      assertThat(images.pixels())
          .containsExactly(
              model.sample(SampleOptions.count(IMAGES).seed(7).sampler(Ddim.steps(4))).pixels());
    }
  }

  /** The steps of a run of a new network with graphs on or off. */
  private static List<Step> steps(Integer classes, SampleOptions options, String graphs) {
    String before = System.getProperty(GRAPHS);
    System.setProperty(GRAPHS, graphs);
    try (DiffusionModel model = model(cuda, classes)) {
      List<Step> steps = new ArrayList<>();
      model.sample(options.onStep(listener(steps)));
      return steps;
    } finally {
      if (before == null) {
        System.clearProperty(GRAPHS);
      } else {
        System.setProperty(GRAPHS, before);
      }
    }
  }

  private static StepListener listener(List<Step> steps) {
    long[] last = calls();
    return (index, of, t, x, x0) -> {
      long[] now = calls();
      steps.add(new Step(x.toArray(), x0.toArray(), now[0] - last[0], now[1] - last[1]));
      System.arraycopy(calls(), 0, last, 0, last.length);
    };
  }

  private static long[] calls() {
    long[] ops = new long[1];
    long[] graphs = new long[1];
    Status.check(NativeApi.ddpm_device_calls(ops, graphs));
    return new long[] {ops[0], graphs[0]};
  }

  private static void assertSameBits(List<Step> steps, List<Step> expected) {
    assertThat(steps).hasSameSizeAs(expected);
    for (int i = 0; i < steps.size(); i++) {
      assertThat(steps.get(i).x()).as("x of step %d", i).containsExactly(expected.get(i).x());
      assertThat(steps.get(i).x0()).as("x0 of step %d", i).containsExactly(expected.get(i).x0());
    }
  }

  private static DiffusionModel model(Device device, Integer classes) {
    UNetConfig config =
        UNetConfig.builder()
            .sampleSize(8)
            .inChannels(1)
            .outChannels(1)
            .blockOutChannels(4)
            .layersPerBlock(1)
            .downBlockTypes(BlockType.PLAIN)
            .upBlockTypes(BlockType.PLAIN)
            .addAttention(false)
            .numClassEmbeds(classes)
            .normNumGroups(2)
            .build();
    return new DiffusionModel(UNet.create(config, device, 1), SchedulerConfig.defaults());
  }
}
