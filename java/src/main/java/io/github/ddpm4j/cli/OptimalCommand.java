package io.github.ddpm4j.cli;

import picocli.CommandLine.Command;

/** The optimal denoiser of a data set. */
@Command(
    name = "optimal",
    description =
        "Denoise with the exact minimiser of the training loss over a data set, which needs no"
            + " network.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      OptimalSampleCommand.class,
      OptimalReportCommand.class,
      OptimalDenoiseCommand.class
    })
final class OptimalCommand {}
