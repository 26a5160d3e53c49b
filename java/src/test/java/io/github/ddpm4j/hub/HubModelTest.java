package io.github.ddpm4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.HubException;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole models of a hub. */
class HubModelTest {
  private static final String REPOSITORY = "someone/tiny-ddpm";
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

  @TempDir Path folder;
  private final TestHub server = new TestHub();
  private Path saved;
  private float[] parameters;

  @BeforeEach
  void save() {
    saved = folder.resolve("saved");
    UNetConfig config =
        UNetConfig.builder()
            .sampleSize(8)
            .blockOutChannels(8, 8)
            .downBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .upBlockTypes(BlockType.PLAIN, BlockType.PLAIN)
            .layersPerBlock(1)
            .normNumGroups(4)
            .build();
    try (DiffusionModel model =
        new DiffusionModel(UNet.create(config, Device.cpu(), 1), SchedulerConfig.defaults())) {
      model.save(saved);
      parameters = model.unet().parameters().values().toArray();
    }
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void put(String file, String name) throws IOException {
    server.put(REPOSITORY, name, Files.readAllBytes(saved.resolve(file)), file.equals(WEIGHTS));
  }

  private HubClient client() {
    return HubClient.of(Map.of())
        .endpoint(server.url())
        .cacheFolder(folder.resolve("cache"))
        .timeout(Duration.ofSeconds(5));
  }

  private void assertLoads(HubClient client) {
    try (DiffusionModel model = DiffusionModel.fromHub(REPOSITORY, client)) {
      assertThat(model.unet().parameters().values().toArray()).isEqualTo(parameters);
    }
  }

  @Test
  void flatRepositoriesAreLoadedAndKept() throws IOException {
    for (String name : new String[] {"config.json", "scheduler_config.json", WEIGHTS}) {
      put(name, name);
    }
    assertLoads(client());
    long fetched = server.count("GET");
    assertLoads(client());
    assertThat(server.count("GET")).isEqualTo(fetched);
    assertLoads(client().offline(true));
    server.status = 503;
    assertLoads(client());
    server.close();
    assertLoads(client());
  }

  @Test
  void pipelinesAreLoaded() throws IOException {
    put("model_index.json", "model_index.json");
    put("config.json", "unet/config.json");
    put("scheduler_config.json", "scheduler/scheduler_config.json");
    put(WEIGHTS, "unet/" + WEIGHTS);
    assertLoads(client());
  }

  @Test
  void weightsInSeveralFilesAreFetched() throws IOException {
    put("config.json", "config.json");
    put("scheduler_config.json", "scheduler_config.json");
    StringBuilder map = new StringBuilder();
    io.github.ddpm4j.checkpoint.Safetensors.read(saved.resolve(WEIGHTS))
        .names()
        .forEach(name -> map.append(",\"" + name + "\":\"part-1.safetensors\""));
    String index = "{\"weight_map\": {" + map.substring(1) + "}}";
    server.put(REPOSITORY, WEIGHTS + ".index.json", index.getBytes(), false);
    put(WEIGHTS, "part-1.safetensors");
    assertLoads(client());
  }

  @Test
  void shardsThatLeadOutOfTheFolderAreRefused() throws IOException {
    put("config.json", "config.json");
    put("scheduler_config.json", "scheduler_config.json");
    String index = "{\"weight_map\": {\"a\": \"../../../.bashrc.bin\"}}";
    server.put(REPOSITORY, WEIGHTS + ".index.json", index.getBytes(), false);
    assertThatThrownBy(() -> client().fetchModel(REPOSITORY))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("../../../.bashrc.bin");
  }

  @Test
  void whatCannotBeHonouredIsRefusedBeforeTheWeightsAreFetched() throws IOException {
    String config = Files.readString(saved.resolve("config.json")).replace("silu", "gelu");
    server.put(REPOSITORY, "config.json", config.getBytes(), false);
    put("scheduler_config.json", "scheduler_config.json");
    put(WEIGHTS, WEIGHTS);
    assertThatThrownBy(() -> DiffusionModel.fromHub(REPOSITORY, client()))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("act_fn");
    assertThat(server.requests).noneMatch(request -> request.server().equals("store"));
  }

  @Test
  void missingPartsAreNamed() throws IOException {
    assertThatThrownBy(() -> client().fetchModel(REPOSITORY))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("unet/config.json");
    put("config.json", "config.json");
    put("scheduler_config.json", "scheduler_config.json");
    assertThatThrownBy(() -> client().fetchModel(REPOSITORY))
        .isInstanceOf(HubException.class)
        .hasMessageContaining(WEIGHTS);
  }
}
