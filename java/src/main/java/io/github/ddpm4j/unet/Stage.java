package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.ProfilerRange;
import io.github.ddpm4j.tensor.Tensor;
import java.util.List;

/** A part of a network that takes one activation [N,H,W,C] to the next. */
interface Stage {
  /** Name of the layer, as in checkpoints. */
  String name();

  Tensor forward(Tensor x, Pass pass);

  /** From the channels of x and then those of skip [N,H,W,C']. */
  default Tensor forward(Tensor x, Tensor skip, Pass pass) {
    return forward(PointwiseOps.concat(x, skip), pass);
  }

  /** Adds a line to a summary, whose size it may change. */
  void describe(Summary summary);

  /** Runs stages one after the other. */
  static Tensor run(List<Stage> stages, Tensor x, Pass pass) {
    Tensor h = x;
    for (Stage stage : stages) {
      try (ProfilerRange range = ProfilerRange.begin(h.device(), stage.name())) {
        h = pass.tell(stage.name(), stage.forward(h, pass));
      }
    }
    return h;
  }

  /** The same, with the first stage also given a kept activation. */
  static Tensor run(List<Stage> stages, Tensor x, Tensor skip, Pass pass) {
    Stage first = stages.get(0);
    Tensor h = pass.tell(first.name(), first.forward(x, skip, pass));
    return run(stages.subList(1, stages.size()), h, pass);
  }
}
