package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.checkpoint.SchedulerKind;
import io.github.ddpm4j.sampler.DpmSolverPlusPlus;
import io.github.ddpm4j.sampler.Pndm;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.schedule.NoiseSchedule;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.function.BiFunction;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which sampler, with how many steps. */
final class SamplerOptions {
  private static final int DEFAULT_STEPS = 50;

  /** Samplers by name, with what they take of a model's scheduler. */
  enum Kind {
    DDPM("ddpm", SchedulerConfig::ddpm),
    DDIM("ddim", SchedulerConfig::ddim),
    PNDM("pndm", pndm(false)),
    PLMS("plms", pndm(true)),
    DPM_2M("dpm++2m", dpm(2, false)),
    DPM_3M("dpm++3m", dpm(3, false)),
    DPM_2M_SDE("dpm++2m-sde", dpm(2, true)),
    UNI_PC("unipc", kind(SchedulerKind.UNI_PC_MULTISTEP)),
    DEIS("deis", kind(SchedulerKind.DEIS_MULTISTEP)),
    EULER("euler", kind(SchedulerKind.EULER_DISCRETE)),
    EULER_ANCESTRAL("euler-ancestral", kind(SchedulerKind.EULER_ANCESTRAL_DISCRETE)),
    HEUN("heun", kind(SchedulerKind.HEUN_DISCRETE));

    private final String label;
    private final BiFunction<SchedulerConfig, Integer, Sampler> sampler;

    Kind(String label, BiFunction<SchedulerConfig, Integer, Sampler> sampler) {
      this.label = label;
      this.sampler = sampler;
    }

    private static BiFunction<SchedulerConfig, Integer, Sampler> kind(SchedulerKind kind) {
      return (config, steps) -> config.sampler(kind, steps);
    }

    private static BiFunction<SchedulerConfig, Integer, Sampler> pndm(boolean skipPrkSteps) {
      return (config, steps) ->
          ((Pndm) config.sampler(SchedulerKind.PNDM, steps)).skipPrkSteps(skipPrkSteps);
    }

    private static BiFunction<SchedulerConfig, Integer, Sampler> dpm(int order, boolean sde) {
      return (config, steps) ->
          ((DpmSolverPlusPlus) config.sampler(SchedulerKind.DPM_SOLVER_MULTISTEP, steps))
              .order(order)
              .sde(sde);
    }

    @Override
    public String toString() {
      return label;
    }
  }

  /** The names that {@code --sampler} takes. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(Kind.values()).map(Kind::toString).iterator();
    }
  }

  static final class Converter implements ITypeConverter<Kind> {
    @Override
    public Kind convert(String name) {
      for (Kind kind : Kind.values()) {
        if (kind.label.equals(name.toLowerCase(Locale.ROOT))) {
          return kind;
        }
      }
      throw new TypeConversionException(
          "expected one of " + String.join(", ", new Names()) + ", but was '" + name + "'");
    }
  }

  @Option(
      names = "--sampler",
      converter = Converter.class,
      completionCandidates = Names.class,
      paramLabel = "NAME",
      description =
          "${COMPLETION-CANDIDATES}. Default: that of the model's scheduler, ddim for ddpm.")
  Kind kind;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Denoising steps. Default: 50, all of the schedule's for ddpm.")
  Integer steps;

  Sampler of(DiffusionModel model) {
    int wanted = stepsOf(model.schedule());
    return kind == null
        ? model.defaultSampler(wanted)
        : kind.sampler.apply(model.scheduler(), wanted);
  }

  /** The sampler as the model's configuration says, or without a model by diffusers' defaults. */
  Sampler of(DiffusionModel model, NoiseSchedule schedule) {
    if (model != null) {
      return of(model);
    }
    Kind wanted = kind == null ? Kind.DDIM : kind;
    return wanted.sampler.apply(SchedulerConfig.defaults(), stepsOf(schedule));
  }

  private int stepsOf(NoiseSchedule schedule) {
    if (steps != null) {
      return steps;
    }
    return kind == Kind.DDPM ? schedule.steps() : Math.min(DEFAULT_STEPS, schedule.steps());
  }
}
