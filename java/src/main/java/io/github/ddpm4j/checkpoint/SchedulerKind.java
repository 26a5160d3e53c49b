package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.sampler.DdimInverse;
import io.github.ddpm4j.sampler.Ddpm;
import io.github.ddpm4j.sampler.Deis;
import io.github.ddpm4j.sampler.DpmSolverPlusPlus;
import io.github.ddpm4j.sampler.Euler;
import io.github.ddpm4j.sampler.EulerAncestral;
import io.github.ddpm4j.sampler.Heun;
import io.github.ddpm4j.sampler.Pndm;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.sampler.TimestepSpacing;
import io.github.ddpm4j.sampler.UniPc;
import java.util.LinkedHashMap;
import java.util.Map;

/** The scheduler classes of diffusers that ddpm4j has a sampler for. */
public enum SchedulerKind {
  DDPM("DDPMScheduler") {
    @Override
    Ddpm sampler(SchedulerConfig config, int steps) {
      Ddpm ddpm =
          Ddpm.steps(steps)
              .variance(config.varianceType())
              .spacing(config.spacingOr(TimestepSpacing.LEADING))
              .stepsOffset(config.stepsOffset());
      if (config.thresholding()) {
        return ddpm.thresholding(config.dynamicThresholdingRatio(), config.sampleMaxValue());
      }
      return config.clipSampleOr(true) ? ddpm.clip(config.clipSampleRange()) : ddpm.noClip();
    }
  },

  DDIM("DDIMScheduler") {
    @Override
    Ddim sampler(SchedulerConfig config, int steps) {
      Ddim ddim =
          Ddim.steps(steps)
              .spacing(config.spacingOr(TimestepSpacing.LEADING))
              .stepsOffset(config.stepsOffset())
              .setAlphaToOne(config.setAlphaToOneOr(true));
      if (config.thresholding()) {
        return ddim.thresholding(config.dynamicThresholdingRatio(), config.sampleMaxValue());
      }
      return config.clipSampleOr(true) ? ddim.clip(config.clipSampleRange()) : ddim.noClip();
    }
  },

  DDIM_INVERSE("DDIMInverseScheduler") {
    @Override
    DdimInverse sampler(SchedulerConfig config, int steps) {
      DdimInverse inverse =
          DdimInverse.steps(steps)
              .spacing(config.spacingOr(TimestepSpacing.LEADING))
              .stepsOffset(config.stepsOffset())
              .setAlphaToOne(config.setAlphaToOneOr(true));
      return config.clipSampleOr(true) ? inverse.clip(config.clipSampleRange()) : inverse.noClip();
    }
  },

  PNDM("PNDMScheduler") {
    @Override
    Pndm sampler(SchedulerConfig config, int steps) {
      return Pndm.steps(steps)
          .skipPrkSteps(config.solver().skipPrkSteps())
          .setAlphaToOne(config.setAlphaToOneOr(false))
          .spacing(config.spacingOr(TimestepSpacing.LEADING))
          .stepsOffset(config.stepsOffset());
    }
  },

  DPM_SOLVER_MULTISTEP("DPMSolverMultistepScheduler") {
    @Override
    DpmSolverPlusPlus sampler(SchedulerConfig config, int steps) {
      SchedulerConfig.Solver solver = config.solver();
      boolean heun = DpmSolverPlusPlus.SolverType.HEUN.configName().equals(solver.solverType());
      DpmSolverPlusPlus dpm =
          DpmSolverPlusPlus.steps(steps)
              .order(solver.solverOrder())
              .sde(solver.sde())
              .solverType(
                  heun ? DpmSolverPlusPlus.SolverType.HEUN : DpmSolverPlusPlus.SolverType.MIDPOINT)
              .lowerOrderFinal(solver.lowerOrderFinal())
              .eulerAtFinal(solver.eulerAtFinal())
              .karrasSigmas(solver.useKarrasSigmas())
              .finalSigma(solver.finalSigmasType())
              .spacing(config.spacingOr(TimestepSpacing.LINSPACE))
              .stepsOffset(config.stepsOffset());
      return config.thresholding()
          ? dpm.thresholding(config.dynamicThresholdingRatio(), config.sampleMaxValue())
          : dpm;
    }
  },

  UNI_PC_MULTISTEP("UniPCMultistepScheduler") {
    @Override
    UniPc sampler(SchedulerConfig config, int steps) {
      SchedulerConfig.Solver solver = config.solver();
      boolean bh1 = UniPc.SolverType.BH1.configName().equals(solver.solverType());
      UniPc uniPc =
          UniPc.steps(steps)
              .order(solver.solverOrder())
              .solverType(bh1 ? UniPc.SolverType.BH1 : UniPc.SolverType.BH2)
              .lowerOrderFinal(solver.lowerOrderFinal())
              .karrasSigmas(solver.useKarrasSigmas())
              .finalSigma(solver.finalSigmasType())
              .spacing(config.spacingOr(TimestepSpacing.LINSPACE))
              .stepsOffset(config.stepsOffset());
      return config.thresholding()
          ? uniPc.thresholding(config.dynamicThresholdingRatio(), config.sampleMaxValue())
          : uniPc;
    }
  },

  DEIS_MULTISTEP("DEISMultistepScheduler") {
    @Override
    Deis sampler(SchedulerConfig config, int steps) {
      SchedulerConfig.Solver solver = config.solver();
      Deis deis =
          Deis.steps(steps)
              .order(solver.solverOrder())
              .lowerOrderFinal(solver.lowerOrderFinal())
              .karrasSigmas(solver.useKarrasSigmas())
              .spacing(config.spacingOr(TimestepSpacing.LINSPACE))
              .stepsOffset(config.stepsOffset());
      return config.thresholding()
          ? deis.thresholding(config.dynamicThresholdingRatio(), config.sampleMaxValue())
          : deis;
    }
  },

  EULER_DISCRETE("EulerDiscreteScheduler") {
    @Override
    Euler sampler(SchedulerConfig config, int steps) {
      return Euler.steps(steps)
          .karrasSigmas(config.solver().useKarrasSigmas())
          .finalSigma(config.solver().finalSigmasType())
          .spacing(config.spacingOr(TimestepSpacing.LINSPACE))
          .stepsOffset(config.stepsOffset());
    }
  },

  EULER_ANCESTRAL_DISCRETE("EulerAncestralDiscreteScheduler") {
    @Override
    EulerAncestral sampler(SchedulerConfig config, int steps) {
      return EulerAncestral.steps(steps)
          .spacing(config.spacingOr(TimestepSpacing.LINSPACE))
          .stepsOffset(config.stepsOffset());
    }
  },

  HEUN_DISCRETE("HeunDiscreteScheduler") {
    @Override
    Heun sampler(SchedulerConfig config, int steps) {
      Heun heun =
          Heun.steps(steps)
              .karrasSigmas(config.solver().useKarrasSigmas())
              .spacing(config.spacingOr(TimestepSpacing.LINSPACE))
              .stepsOffset(config.stepsOffset());
      return config.clipSampleOr(false) ? heun.clip(config.clipSampleRange()) : heun;
    }
  };

  private final String className;

  SchedulerKind(String className) {
    this.className = className;
  }

  /** The {@code _class_name} in {@code scheduler_config.json}. */
  public String className() {
    return className;
  }

  abstract Sampler sampler(SchedulerConfig config, int steps);

  static Map<String, SchedulerKind> byClassName() {
    Map<String, SchedulerKind> kinds = new LinkedHashMap<>();
    for (SchedulerKind kind : values()) {
      kinds.put(kind.className, kind);
    }
    return kinds;
  }
}
