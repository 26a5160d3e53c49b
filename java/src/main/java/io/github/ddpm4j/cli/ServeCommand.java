package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.serve.DiffusionServer;
import io.github.ddpm4j.serve.Workbench;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serves a page on which models draw. */
@Command(
    name = "serve",
    description = {
      "Show models at work on a page for the browser: sampling step by step, the forward process, a network beside the"
          + " optimal denoiser of its data.",
      "Ctrl-C ends it; the exit code is then 130 (143 after SIGTERM)."
    })
final class ServeCommand implements Callable<Integer> {
  private static final String BUNDLED = "mnist";

  @Mixin private ModelOptions model;

  @Option(
      names = "--host",
      defaultValue = "localhost",
      paramLabel = "NAME",
      description =
          "Address to listen on. Others than localhost let other machines in, with nothing to keep"
              + " them out. Default: ${DEFAULT-VALUE}.")
  private String host;

  @Option(
      names = "--port",
      defaultValue = "8080",
      paramLabel = "N",
      description = "Port to listen on, 0 for a free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder of MNIST or CIFAR-10, or of both, for the optimal denoiser. Default:"
              + " $DDPM4J_DATA, then ~/.cache/ddpm4j/data.")
  private Path data;

  @Override
  public Integer call() throws InterruptedException {
    Map<String, DiffusionModel> models = new LinkedHashMap<>();
    models.put(model.model, model.open());
    models.computeIfAbsent(BUNDLED, name -> ModelOptions.open(name, Device.cpu()));
    DiffusionServer server = start(new Workbench(models, SamplerOptions.all(), data));
    Runtime.getRuntime().addShutdownHook(new Thread(server::close));
    System.out.println("the page is at " + server.url() + " until Ctrl-C");
    new CountDownLatch(1).await();
    return 0;
  }

  private DiffusionServer start(Workbench workbench) {
    try {
      return new DiffusionServer(host, port, workbench);
    } catch (RuntimeException e) {
      workbench.close();
      throw e;
    }
  }
}
