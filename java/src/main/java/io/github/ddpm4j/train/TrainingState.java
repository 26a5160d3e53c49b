package io.github.ddpm4j.train;

import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;

/** All that a training run carries from step to step. */
public final class TrainingState {
  private final Parameters parameters;
  private final Tensor average;
  private final Tensor firstMoment;
  private final Tensor secondMoment;
  private long step;

  TrainingState(Parameters parameters) {
    this.parameters = parameters;
    average = parameters.companion().copyFrom(parameters.values());
    firstMoment = parameters.companion();
    secondMoment = parameters.companion();
  }

  /** Steps done. */
  public long step() {
    return step;
  }

  /** The exponential moving average of the parameters, laid out as they are. */
  public Tensor average() {
    return average;
  }

  Tensor firstMoment() {
    return firstMoment;
  }

  Tensor secondMoment() {
    return secondMoment;
  }

  void advance() {
    step++;
  }

  void setStep(long step) {
    this.step = step;
  }

  /** Everything but the step, by the names of a checkpoint. */
  Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("parameters", parameters.values());
    tensors.put("average", average);
    tensors.put("adam.m", firstMoment);
    tensors.put("adam.v", secondMoment);
    return tensors;
  }

  /** Runs an action while the network has the averaged parameters. */
  public void withAverage(Runnable action) {
    float[] kept = parameters.values().toArray();
    parameters.values().copyFrom(average);
    try {
      action.run();
    } finally {
      parameters.values().copyFrom(kept);
    }
  }
}
