package io.github.ddpm4j;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Dependencies point one way; see CONTRIBUTING.md. */
@AnalyzeClasses(packages = "io.github.ddpm4j", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule nothingKnowsTheCommandLine =
      noClasses()
          .that()
          .resideOutsideOfPackage("..cli..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("..cli..");

  @ArchTest
  static final ArchRule schedulesArePureJava =
      noClasses()
          .that()
          .resideInAPackage("..schedule..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "..tensor..", "..ops..", "..internal..", "..unet..", "..sampler..", "..process..");

  @ArchTest
  static final ArchRule samplersDoNotKnowNetworks =
      noClasses()
          .that()
          .resideInAnyPackage("..sampler..", "..process..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("..unet..", "..train..", "..checkpoint..", "..data..");

  @ArchTest
  static final ArchRule theOptimalDenoiserKnowsNoNetwork =
      noClasses()
          .that()
          .resideInAPackage("..optimal..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("..unet..", "..train..", "..checkpoint..", "..metrics..");

  @ArchTest
  static final ArchRule opsKnowTensorsOnly =
      noClasses()
          .that()
          .resideInAnyPackage("..ops..", "..tensor..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "..unet..",
              "..sampler..",
              "..process..",
              "..schedule..",
              "..train..",
              "..checkpoint..");

  @ArchTest
  static final ArchRule layersCallOpsOnly =
      noClasses()
          .that()
          .resideInAPackage("..unet..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "..train..", "..sampler..", "..checkpoint..", "..data..", "..metrics..");

  @ArchTest
  static final ArchRule onlyTheFrontDoorKnowsTheNetwork =
      noClasses()
          .that()
          .resideOutsideOfPackages("..hub..", "..cli..", "io.github.ddpm4j")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("..hub..");

  @ArchTest
  static final ArchRule onlyTensorsAndOpsCallNativeCode =
      classes()
          .that()
          .haveSimpleName("NativeApi")
          .should()
          .onlyBeAccessed()
          .byAnyPackage("..internal..", "..tensor..", "..ops..", "io.github.ddpm4j");

  @ArchTest
  static final ArchRule onlyDrawingAndTheCommandLineNeedOptionalLibraries =
      noClasses()
          .that()
          .resideOutsideOfPackages("..cli..", "..train..", "..metrics..")
          .and()
          .doNotHaveSimpleName("GaussianDenoiser")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("picocli..", "me.tongfei..", "org.knowm..", "org.ejml..");
}
