package io.github.ddpm4j.unet;

import io.github.ddpm4j.tensor.ProfilerRange;
import io.github.ddpm4j.tensor.Tensor;
import java.util.List;

/** A part of a network that takes one activation [N,H,W,C] to the next. */
interface Stage {
  /** Name of the layer, as in checkpoints. */
  String name();

  Tensor forward(Tensor x, Pass pass);

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
}
