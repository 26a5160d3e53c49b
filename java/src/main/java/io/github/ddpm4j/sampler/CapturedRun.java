package io.github.ddpm4j.sampler;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.NotSupportedException;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.tensor.DeviceGraph;
import io.github.ddpm4j.tensor.DeviceProgram;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/**
 * A run of a solver on a CUDA device as one graph, run once a step: the predictor's pass, then what
 * the solver does with its output, which a {@link DeviceProgram} has of all steps. Nothing is
 * copied from step to step. The bits are those of {@link Solver#run}.
 *
 * <p>That takes noise that is {@linkplain Noise#repeatable repeatable}, a predictor that takes its
 * timestep {@linkplain NoisePredictor#predict(Tensor, Tensor) from the device}, and a solver whose
 * steps do not compute on the host, as dynamic thresholding, a learned variance and RePaint's mask
 * do. Other runs go call by call, and what is captured is the network's pass at most.
 */
final class CapturedRun implements AutoCloseable {
  private final Solver solver;
  private final double[] timesteps;
  private final Scope run;

  /** Images in the solver's scale. */
  private final Tensor x;

  /** What the predictor gets, and its timestep. */
  private final Tensor input;

  private final Tensor times;
  private final Tensor output;

  /** Null if nobody wants it. */
  private final Tensor x0;

  private DeviceProgram program;
  private DeviceGraph graph;

  private CapturedRun(Solver solver, Tensor xT, boolean withX0) {
    this.solver = solver;
    timesteps = solver.timesteps();
    run = Scope.open(xT.device());
    // A copy: until finish, the caller's images stay as they are for another way.
    x = run.allocate(xT.shape()).copyFrom(xT);
    input = run.allocate(xT.shape());
    times = run.allocate(Shape.of(xT.dim(0)));
    output = run.allocate(xT.shape());
    x0 = withX0 ? run.allocate(xT.shape()) : null;
  }

  /**
   * A run, its first step done, or null if it cannot be captured. The first step runs op by op,
   * which also loads the kernels.
   *
   * @param solver not to be used for anything else
   * @param withX0 whether the listener will want x̂_0
   */
  static CapturedRun start(
      Solver solver, NoisePredictor predictor, Tensor xT, Noise noise, boolean withX0) {
    Device device = xT.device();
    if (device.isCpu() || !DeviceGraph.enabled() || !noise.repeatable()) {
      return null;
    }
    CapturedRun run = new CapturedRun(solver, xT, withX0);
    try {
      run.program =
          DeviceProgram.record(
              device, xT.shape(), run.timesteps.length + 1, call -> run.between(call, noise));
      run.program.run();
      run.step(predictor);
      if (run.timesteps.length > 1) {
        run.graph = DeviceGraph.capture(device, () -> run.step(predictor));
      }
      return run;
    } catch (NotSupportedException e) {
      run.close();
      return null;
    } catch (RuntimeException | Error e) {
      run.close();
      throw e;
    }
  }

  /** What is due ahead of a call of the predictor: the step after the one before, and its input. */
  private void between(int call, Noise noise) {
    try (Scope scope = Scope.open(run.device())) {
      Tensor here = x.in(scope);
      if (call > 0) {
        // Solvers use a learned variance on the host only, so its values are not missed.
        Tensor learned = scope.allocate(x.shape());
        solver.step(new Solver.Step(call - 1, here, output, learned, x0, noise, run));
      } else if (solver.initialScale() != 1) {
        x.copyFrom(PointwiseOps.scale(here, (float) solver.initialScale()));
      }
      if (call < timesteps.length) {
        times.fill((float) timesteps[call]);
        input.copyFrom(solver.scaled(here, call));
      }
    }
  }

  private void step(NoisePredictor predictor) {
    try (Scope scope = Scope.open(run.device())) {
      Tensor xt = input.in(scope);
      Tensor predicted = predictor.predict(xt, times.in(scope));
      output.copyFrom(Solver.outputs(predicted, xt, timesteps[0])[0]);
      program.run();
    }
  }

  /**
   * Takes the other steps.
   *
   * @param images receives the result
   * @param listener or null
   */
  void finish(Tensor images, StepListener listener) {
    for (int call = 0; call < timesteps.length; call++) {
      if (call > 0) {
        graph.run();
      }
      if (listener != null) {
        try (Scope scope = Scope.open(run.device())) {
          listener.onStep(call, timesteps.length, timesteps[call], x.in(scope), x0.in(scope));
        }
      }
    }
    images.copyFrom(x);
  }

  @Override
  public void close() {
    if (graph != null) {
      graph.close();
    }
    if (program != null) {
      program.close();
    }
    run.close();
  }
}
