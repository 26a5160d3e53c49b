package io.github.ddpm4j.benchmarks.peer;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.ddpm4j.benchmarks.peer.OnnxGraph.Value;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** A graph in ONNX Runtime, with one output. */
public final class OnnxRuntime implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
  private final OrtSession session;

  /**
   * @param shapes of the inputs, in order, which are named by their letters: x, t
   * @param build makes the output of layers and inputs
   */
  public OnnxRuntime(Weights weights, int threads, Map<String, int[]> shapes, Network build) {
    OnnxLayers layers = new OnnxLayers(weights);
    Map<String, Value> values = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> values.put(name, layers.graph().input(name, shape)));
    layers.graph().output(build.apply(layers, values::get));
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      // Its threads spin while it runs, which is its fastest; not while others do.
      options.addConfigEntry("session.force_spinning_stop", "1");
      session = environment.createSession(layers.graph().model(), options);
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Adds a network's operators to a graph. */
  @FunctionalInterface
  public interface Network {
    Value apply(OnnxLayers layers, Function<String, Value> inputs);
  }

  /** Sets an input. */
  public void set(String input, float[] values, int... shape) {
    try {
      OnnxTensor tensor =
          OnnxTensor.createTensor(
              environment, FloatBuffer.wrap(values), Arrays.stream(shape).asLongStream().toArray());
      OnnxTensor old = inputs.put(input, tensor);
      if (old != null) {
        old.close();
      }
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  public void run() {
    try (OrtSession.Result result = session.run(inputs)) {
      result.size();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  public float[] result() {
    try (OrtSession.Result result = session.run(inputs)) {
      FloatBuffer buffer = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[] values = new float[buffer.remaining()];
      buffer.get(values);
      return values;
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
    inputs.values().forEach(OnnxTensor::close);
  }
}
