package io.github.ddpm4j.cli;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command line. Exit codes: 0, 1 for failures, 2 for wrong usage. */
@Command(
    name = "ddpm4j",
    description = "Denoising diffusion models with native kernels.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      SampleCommand.class,
      TrainCommand.class,
      EvaluateCommand.class,
      LikelihoodCommand.class,
      CompareCommand.class,
      OptimalCommand.class,
      ServeCommand.class,
      ClassifierCommand.class,
      GuideCommand.class,
      InfoCommand.class,
      TuneCommand.class
    })
public final class Main {
  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of a failure.")
  private boolean verbose;

  @Option(
      names = "--threads",
      scope = ScopeType.INHERIT,
      paramLabel = "N",
      description =
          "Threads of the kernels; as many as there are cores unless given. Results do not depend"
              + " on it.")
  private void setThreads(int threads) {
    Device.setThreads(threads);
  }

  @Option(
      names = "--precision",
      scope = ScopeType.INHERIT,
      paramLabel = "NAME",
      description =
          "What operands of products are rounded to: float32, tf32 or bfloat16; float32 unless"
              + " given. A device may be more exact.")
  private void setPrecision(String precision) {
    Device.setPrecision(precision);
  }

  private Main() {}

  public static void main(String[] arguments) {
    System.setProperty("java.awt.headless", "true");
    System.exit(run(arguments));
  }

  /** Runs a command; returns its exit code. */
  static int run(String... arguments) {
    Main main = new Main();
    return new CommandLine(main)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(
            (failure, command, parsed) -> {
              String message =
                  failure instanceof DdpmException ? failure.getMessage() : failure.toString();
              command.getErr().println(command.getColorScheme().errorText("ddpm4j: " + message));
              if (main.verbose) {
                failure.printStackTrace(command.getErr());
              }
              return failure instanceof InvalidArgumentException
                  ? CommandLine.ExitCode.USAGE
                  : CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"ddpm4j " + Device.nativeVersion()};
    }
  }
}
