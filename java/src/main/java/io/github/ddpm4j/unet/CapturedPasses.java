package io.github.ddpm4j.unet;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.tensor.DeviceGraph;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Dropout;
import java.util.HashMap;
import java.util.Map;

/**
 * A network's pass on a CUDA device as a graph for each shape of input: what changes from step to
 * step, pictures, timesteps and labels, is read from tensors that stay where they are.
 *
 * <p>The first pass of a shape runs op by op, which also loads the kernels; a shape that comes
 * again is captured then. Its activations stay allocated until {@link #close}. Safe for use by
 * several threads.
 */
final class CapturedPasses implements AutoCloseable {
  private final Network network;
  private final Device device;
  private final Map<Shape, Captured> passes = new HashMap<>();

  CapturedPasses(Network network, Device device) {
    this.network = network;
    this.device = device;
  }

  /**
   * Predicts for a batch.
   *
   * @param labels or null; the network always has them or never
   * @param prediction receives the result
   */
  synchronized void run(Tensor x, double t, Tensor labels, Tensor prediction) {
    if (!passes.containsKey(x.shape())) {
      try (Scope scope = Scope.open(device)) {
        Tensor times = scope.allocate(Shape.of(x.dim(0))).fill((float) t);
        Tensor own = labels == null ? null : labels.in(scope);
        prediction.copyFrom(
            network.forward(x.in(scope), times, own, Dropout.NONE, LayerListener.NONE));
      }
      passes.put(x.shape(), null);
      return;
    }
    Captured pass = passes.get(x.shape());
    if (pass == null) {
      pass = new Captured(x.shape(), labels == null ? null : labels.shape());
      passes.put(x.shape(), pass);
    }
    pass.run(x, t, labels, prediction);
  }

  @Override
  public synchronized void close() {
    passes.values().stream().filter(pass -> pass != null).forEach(Captured::close);
    passes.clear();
  }

  /** The graph of one shape with the tensors that it reads and writes. */
  private final class Captured implements AutoCloseable {
    private final Scope scope = Scope.open(device);
    private final Tensor x;
    private final Tensor times;
    private final Tensor labels;
    private final DeviceGraph graph;
    private Tensor output;

    Captured(Shape shape, Shape labelShape) {
      x = scope.allocate(shape);
      times = scope.allocate(Shape.of(shape.dim(0)));
      labels = labelShape == null ? null : scope.allocate(labelShape);
      try {
        graph =
            DeviceGraph.capture(
                device,
                () -> output = network.forward(x, times, labels, Dropout.NONE, LayerListener.NONE));
      } catch (RuntimeException | Error e) {
        scope.close();
        throw e;
      }
    }

    void run(Tensor pictures, double t, Tensor classes, Tensor prediction) {
      x.copyFrom(pictures);
      times.fill((float) t);
      if (labels != null) {
        labels.copyFrom(classes);
      }
      graph.run();
      prediction.copyFrom(output);
    }

    @Override
    public void close() {
      graph.close();
      scope.close();
    }
  }
}
