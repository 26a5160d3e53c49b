package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.sampler.Sampler;
import picocli.CommandLine.Option;

/** Which sampler, with how many steps. */
final class SamplerOptions {
  enum Kind {
    DDPM,
    DDIM
  }

  @Option(
      names = "--sampler",
      defaultValue = "DDIM",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  Kind kind;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Denoising steps. Default: 50 for DDIM, all of the schedule's for DDPM.")
  Integer steps;

  Sampler of(DiffusionModel model) {
    if (kind == Kind.DDPM) {
      return model.ddpm(steps == null ? model.schedule().steps() : steps);
    }
    return steps == null ? model.defaultSampler() : model.ddim(steps);
  }
}
