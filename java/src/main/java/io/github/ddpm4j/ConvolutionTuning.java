package io.github.ddpm4j;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.ops.ConvolutionOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNet;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Measures which algorithm is the fastest for a 3x3 convolution with stride 1 on this machine, for
 * a {@link ConvolutionTable}.
 */
public final class ConvolutionTuning {
  /** A batch between one image, which only reads weights, and many, which only multiply. */
  private static final int IMAGES = 16;

  /** In the order that is preferred among equals: by the memory that the weights take. */
  private static final List<String> ALGORITHMS = List.of("direct", "winograd2", "winograd4");

  /** How much faster than a preferred one an algorithm must be: what measurements differ by. */
  private static final double EQUAL = 1.03;

  private static final int ROUNDS = 3;
  private static final double SECONDS_OF_A_SHAPE = 0.2;
  private static final double SECONDS_OF_A_SAMPLE = 1e-3;
  private static final int MOST_SHAPES = 4096;
  private static final Window WINDOW = Window.square(3).padding(1);

  private ConvolutionTuning() {}

  /**
   * What was measured of a shape.
   *
   * @param seconds CPU time of one thread for 16 images, by algorithm
   * @param chosen the algorithm to take
   */
  public record Measurement(ConvolutionShape shape, Map<String, Double> seconds, String chosen) {}

  /** Shapes in the U-Nets of the DDPM paper for CIFAR-10, and of the model that comes with it. */
  public static List<ConvolutionShape> commonShapes() {
    return Stream.of(
            "32x32 128->128",
            "32x32 256->128",
            "32x32 256->256",
            "32x32 384->128",
            "16x16 128->256",
            "16x16 256->256",
            "16x16 384->256",
            "16x16 512->256",
            "8x8 256->256",
            "8x8 512->256",
            "4x4 256->256",
            "4x4 512->256",
            "28x28 16->16",
            "28x28 32->32",
            "14x14 48->48",
            "14x14 64->64",
            "7x7 96->96",
            "7x7 128->128")
        .map(ConvolutionShape::parse)
        .toList();
  }

  /** The shapes that a network on the CPU has for pictures of a size, each once. */
  public static List<ConvolutionShape> shapesOf(UNet unet, int height, int width) {
    int[] rows = new int[4 * MOST_SHAPES];
    int count;
    try (Scope scope = Scope.open(unet.device())) {
      Shape classes = unet.config().labelShape(1);
      NativeApi.ddpm_note_convolutions();
      try {
        unet.forward(
            scope.zeros(Shape.of(1, height, width, unet.config().inChannels())),
            scope.zeros(Shape.of(1)),
            classes == null ? null : scope.zeros(classes));
      } finally {
        count = Math.min(MOST_SHAPES, NativeApi.ddpm_noted_convolutions(rows, MOST_SHAPES));
      }
    }
    List<ConvolutionShape> shapes = new ArrayList<>();
    for (int i = 0; i < 4 * count; i += 4) {
      shapes.add(new ConvolutionShape(rows[i], rows[i + 1], rows[i + 2], rows[i + 3]));
    }
    return shapes;
  }

  /**
   * Measures some shapes, in a second or less each. It sets the process's threads, algorithm and
   * precision, and sets them back at the end, so nothing else should use the kernels meanwhile.
   *
   * @param listener told of each shape when it is measured
   * @return the choices, which nothing uses until it is told to
   */
  public static ConvolutionTable measure(
      Collection<ConvolutionShape> shapes, Consumer<Measurement> listener) {
    int threads = Device.threads();
    String algorithm = Device.convolution();
    String precision = Device.precision();
    Map<ConvolutionShape, String> chosen = new LinkedHashMap<>();
    try {
      Device.setThreads(1);
      Device.setPrecision("float32");
      for (ConvolutionShape shape : shapes) {
        Measurement measured = measure(shape);
        chosen.put(shape, measured.chosen());
        listener.accept(measured);
      }
    } finally {
      Device.setConvolution(algorithm);
      Device.setPrecision(precision);
      Device.setThreads(threads);
    }
    return ConvolutionTable.of(chosen);
  }

  private static Measurement measure(ConvolutionShape shape) {
    // Apart: weights stay packed while nothing is written to their block.
    try (Scope weights = Scope.open(Device.cpu());
        Scope scope = Scope.open(Device.cpu())) {
      Tensor w = weights.zeros(Shape.of(shape.columns(), 3, 3, shape.depth())).keepPacked(true);
      Tensor x = scope.allocate(Shape.of(IMAGES, shape.height(), shape.width(), shape.depth()));
      Noise.philox(0).fill(x, 0);
      Map<String, Double> best = new LinkedHashMap<>();
      // Once more than counted: the first round packs weights and gives the samples their length.
      int repeats = 0;
      double total = 0;
      for (int round = 0; round <= ROUNDS || total < SECONDS_OF_A_SHAPE; round++) {
        for (String algorithm : ALGORITHMS) {
          Device.setConvolution(algorithm);
          double seconds = seconds(x, w, Math.max(1, repeats));
          total += seconds;
          if (round > 0) {
            best.merge(algorithm, seconds / repeats, Math::min);
          }
        }
        if (round == 0) {
          repeats = (int) Math.max(1, ALGORITHMS.size() * SECONDS_OF_A_SAMPLE / total);
        }
      }
      w.keepPacked(false);
      double least = best.values().stream().min(Double::compare).orElseThrow();
      String chosen =
          ALGORITHMS.stream().filter(name -> best.get(name) <= EQUAL * least).findFirst().get();
      return new Measurement(shape, best, chosen);
    }
  }

  /** CPU time of this thread for some convolutions, which other load disturbs little. */
  private static double seconds(Tensor x, Tensor w, int repeats) {
    long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    for (int i = 0; i < repeats; i++) {
      try (Scope scope = Scope.open(Device.cpu())) {
        ConvolutionOps.conv2d(x.in(scope), w, null, null, null, WINDOW);
      }
    }
    return (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start) * 1e-9;
  }
}
