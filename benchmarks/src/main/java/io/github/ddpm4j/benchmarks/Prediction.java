package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.benchmarks.peer.Layout;
import io.github.ddpm4j.benchmarks.peer.OnnxRuntime;
import io.github.ddpm4j.benchmarks.peer.PeerUNet;
import io.github.ddpm4j.benchmarks.peer.TorchLayers;
import io.github.ddpm4j.benchmarks.peer.Weights;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.global.torch;

/** One pass of a U-Net over a batch of noise at one timestep. */
abstract class Prediction implements Contender {
  private static final double TIMESTEP = 500;

  private final String name;
  final int n;
  final int h;
  final int w;
  final int c;

  private Prediction(String name, UNetConfig config, int batch) {
    this.name = name;
    n = batch;
    h = config.sampleHeight();
    w = config.sampleWidth();
    c = config.inChannels();
  }

  @Override
  public final String name() {
    return name;
  }

  /** Sets the input, [N,H,W,C]. */
  abstract void set(float[] x, double t);

  /** This network for samplers. */
  NoisePredictor predictor() {
    return (xt, t) -> {
      set(xt.toArray(), t);
      return xt.scope().tensor(xt.shape(), result());
    };
  }

  /** The batch that all contenders start with. */
  static float[] noise(int n, int h, int w, int c) {
    try (Scope scope = Scope.open(Device.cpu())) {
      return Noise.philox(0).fill(scope.allocate(Shape.of(n, h, w, c)), 0).toArray();
    }
  }

  private static float[] times(int n, double t) {
    float[] times = new float[n];
    Arrays.fill(times, (float) t);
    return times;
  }

  static final class Ours extends Prediction {
    private final Scope scope = Scope.open(Device.cpu());
    private final UNet unet;
    private final Tensor x;
    private double t = TIMESTEP;

    Ours(UNet unet, int batch) {
      super("ddpm4j", (UNetConfig) unet.config(), batch);
      this.unet = unet;
      x = scope.tensor(Shape.of(n, h, w, c), noise(n, h, w, c));
    }

    @Override
    void set(float[] values, double timestep) {
      x.copyFrom(values);
      t = timestep;
    }

    @Override
    NoisePredictor predictor() {
      return unet;
    }

    @Override
    public void run() {
      try (Scope inner = Scope.open(Device.cpu())) {
        unet.predict(x.in(inner), t);
      }
    }

    @Override
    public float[] result() {
      try (Scope inner = Scope.open(Device.cpu())) {
        return unet.predict(x.in(inner), t).toArray();
      }
    }

    @Override
    public void close() {
      scope.close();
    }
  }

  static final class Torch extends Prediction {
    private final TorchLayers layers;
    private final PeerUNet<org.bytedeco.pytorch.Tensor> network;
    private org.bytedeco.pytorch.Tensor x;
    private org.bytedeco.pytorch.Tensor t;

    Torch(UNetConfig config, Weights weights, TorchLayers.Mode mode, int batch) {
      this(mode.title, config, new TorchLayers(weights, mode), batch);
    }

    /** A network whose weights and all else are bfloat16. */
    static Torch bfloat16(UNetConfig config, Weights weights, TorchLayers.Mode mode, int batch) {
      return new Torch(
          mode.title + "-bf16",
          config,
          new TorchLayers(weights, mode, torch.ScalarType.BFloat16),
          batch);
    }

    private Torch(String name, UNetConfig config, TorchLayers layers, int batch) {
      super(name, config, batch);
      this.layers = layers;
      network = new PeerUNet<>(layers, config);
      set(noise(n, h, w, c), TIMESTEP);
    }

    @Override
    void set(float[] values, double timestep) {
      x = layers.pictures(values, n, h, w, c);
      t = layers.tensor(times(n, timestep), n);
    }

    @Override
    public void run() {
      try (PointerScope scope = new PointerScope()) {
        forward();
      }
    }

    @Override
    public float[] result() {
      try (PointerScope scope = new PointerScope()) {
        return TorchLayers.values(forward());
      }
    }

    private org.bytedeco.pytorch.Tensor forward() {
      try (NoGradGuard guard = new NoGradGuard()) {
        return network.forward(x, t);
      }
    }

    @Override
    public void close() {}
  }

  static final class Onnx extends Prediction {
    private final OnnxRuntime runtime;

    Onnx(UNetConfig config, Weights weights, int batch) {
      super("onnxruntime", config, batch);
      Map<String, int[]> shapes = new LinkedHashMap<>();
      shapes.put("x", new int[] {n, c, h, w});
      shapes.put("t", new int[] {n});
      runtime =
          new OnnxRuntime(
              weights,
              Device.threads(),
              shapes,
              (layers, inputs) ->
                  new PeerUNet<>(layers, config).forward(inputs.apply("x"), inputs.apply("t")));
      set(noise(n, h, w, c), TIMESTEP);
    }

    @Override
    void set(float[] values, double timestep) {
      runtime.set("x", Layout.toNchw(values, n, h, w, c), n, c, h, w);
      runtime.set("t", times(n, timestep), n);
    }

    @Override
    public void run() {
      runtime.run();
    }

    @Override
    public float[] result() {
      return Layout.toNhwc(runtime.result(), n, h, w, c);
    }

    @Override
    public void close() {
      runtime.close();
    }
  }
}
