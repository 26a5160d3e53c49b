package io.github.ddpm4j.sampler;

import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;

/** A sampler that starts a {@link Solver} for every run. */
abstract class SolverSampler implements Sampler {
  /** A solver for one run. */
  abstract Solver solver(NoiseSchedule schedule, PredictionType prediction);

  @Override
  public final void sample(
      NoisePredictor predictor,
      NoiseSchedule schedule,
      Tensor x,
      Noise noise,
      StepListener listener) {
    PredictionType prediction = predictor.predictionType();
    try (CapturedRun run =
        CapturedRun.start(solver(schedule, prediction), predictor, x, noise, listener != null)) {
      if (run != null) {
        run.finish(x, listener);
        return;
      }
    }
    solver(schedule, prediction).run(predictor, x, noise, listener);
  }

  @Override
  public final double[] timesteps(NoiseSchedule schedule) {
    return solver(schedule, PredictionType.EPSILON).timesteps();
  }
}
