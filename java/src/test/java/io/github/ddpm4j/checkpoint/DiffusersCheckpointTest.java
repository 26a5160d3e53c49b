package io.github.ddpm4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.DualPathUNetConfig;
import io.github.ddpm4j.unet.NetworkConfig;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import io.github.ddpm4j.unet.layers.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints in diffusers' layout: round trips, old names, and what is wrong with bad ones. */
class DiffusersCheckpointTest {
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

  @TempDir Path folder;

  private static UNetConfig config() {
    return UNetConfig.builder()
        .sampleSize(8)
        .blockOutChannels(8, 16)
        .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION)
        .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN)
        .normNumGroups(4)
        .build();
  }

  private UNet saved(NetworkConfig config) {
    UNet unet = UNet.create(config, Device.cpu(), 3);
    DiffusersCheckpoint.write(folder, unet, SchedulerConfig.defaults());
    return unet;
  }

  private static float[] values(UNet unet) {
    return unet.parameters().values().toArray();
  }

  @Test
  void roundTripKeepsEveryBit() {
    for (NetworkConfig config :
        new NetworkConfig[] {config(), DualPathUNetConfig.builder().build()}) {
      try (UNet unet = saved(config);
          UNet read = DiffusersCheckpoint.read(folder).unet(Device.cpu())) {
        assertThat(read.config()).isEqualTo(config);
        assertThat(values(read)).isEqualTo(values(unet));
        assertThat(DiffusersCheckpoint.read(folder).scheduler())
            .isEqualTo(SchedulerConfig.defaults());
      }
    }
  }

  @Test
  void savesTheSameBytesAgain() throws IOException {
    saved(config()).close();
    byte[] first = Files.readAllBytes(folder.resolve(WEIGHTS));
    saved(config()).close();
    assertThat(Files.readAllBytes(folder.resolve(WEIGHTS))).isEqualTo(first);
    try (var files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "config.json", "scheduler_config.json", "model_index.json", WEIGHTS);
    }
  }

  @Test
  void convolutionsAreWrittenOutputInputRowColumn() {
    try (UNet unet = saved(config())) {
      Parameter parameter = unet.parameters().get("conv_in.weight");
      Safetensors file = Safetensors.read(folder.resolve(WEIGHTS));
      assertThat(file.shape("conv_in.weight")).isEqualTo(Shape.of(8, 3, 3, 3));
      float[] stored = file.floats("conv_in.weight");
      float[] memory = parameter.value().toArray();
      // Output channel 5, input channel 2, row 1, column 0.
      assertThat(stored[((5 * 3 + 2) * 3 + 1) * 3]).isEqualTo(memory[((5 * 3 + 1) * 3) * 3 + 2]);
    }
  }

  @Test
  void foldersOfPipelinesAreRead() throws IOException {
    try (UNet unet = saved(config())) {
      Files.createDirectories(folder.resolve("unet"));
      Files.createDirectories(folder.resolve("scheduler"));
      Files.move(folder.resolve("config.json"), folder.resolve("unet/config.json"));
      Files.move(folder.resolve(WEIGHTS), folder.resolve("unet").resolve(WEIGHTS));
      Files.move(
          folder.resolve("scheduler_config.json"),
          folder.resolve("scheduler/scheduler_config.json"));
      try (UNet read = DiffusersCheckpoint.read(folder).unet(Device.cpu())) {
        assertThat(values(read)).isEqualTo(values(unet));
      }
    }
  }

  @Test
  void oldNamesOfAttentionAreRead() {
    try (UNet unet = saved(config())) {
      rewrite(
          tensors -> {
            for (String name : tensors.keySet().toArray(String[]::new)) {
              String old =
                  name.replace("to_q", "query")
                      .replace("to_k", "key")
                      .replace("to_v", "value")
                      .replace("to_out.0", "proj_attn");
              Safetensors.Array array = tensors.remove(name);
              boolean linear = !old.equals(name) && name.endsWith("weight");
              tensors.put(
                  old,
                  linear
                      ? new Safetensors.Array(
                          Shape.of(array.shape().dim(0), array.shape().dim(1), 1, 1),
                          array.values())
                      : array);
            }
          });
      assertThat(Safetensors.read(folder.resolve(WEIGHTS)).names())
          .contains("mid_block.attentions.0.query.weight");
      try (UNet read = DiffusersCheckpoint.read(folder).unet(Device.cpu())) {
        assertThat(values(read)).isEqualTo(values(unet));
      }
    }
  }

  @Test
  void filesOfPyTorchAreRead() throws IOException {
    for (String name : new String[] {"diffusion_pytorch_model.bin", "ema.pt"}) {
      try (UNet unet = saved(config())) {
        TorchFiles.write(folder.resolve(name), tensors());
        Files.delete(folder.resolve(WEIGHTS));
        Path path = name.equals("ema.pt") ? folder.resolve(name) : folder;
        try (UNet read = DiffusersCheckpoint.read(path).unet(Device.cpu())) {
          assertThat(values(read)).isEqualTo(values(unet));
        }
      }
    }
  }

  @Test
  void weightsInSeveralFilesAreRead() throws IOException {
    try (UNet unet = saved(config())) {
      shards(Map.of());
      assertThat(folder.resolve(WEIGHTS)).doesNotExist();
      try (UNet read = DiffusersCheckpoint.read(folder).unet(Device.cpu())) {
        assertThat(values(read)).isEqualTo(values(unet));
      }
    }
  }

  @Test
  void badIndexesAreRefused() throws IOException {
    String tensor = "conv_in.bias";
    for (String name :
        new String[] {
          "../../etc/passwd.bin",
          "/etc/x.safetensors",
          "a/b.bin",
          "a\\b.bin",
          ".bin",
          WEIGHTS + ".index.json"
        }) {
      saved(config()).close();
      shards(Map.of(tensor, name));
      assertRefused("index.json", tensor + ": is in '" + name + "', expected the name of a file");
    }
    saved(config()).close();
    shards(Map.of(tensor, "gone.safetensors"));
    assertRefused("index.json", "gone.safetensors, which is missing");
    saved(config()).close();
    shards(Map.of(tensor, "shard-0.bin"));
    assertRefused("index.json", tensor + ": is not in ");
    saved(config()).close();
    shards(Map.of());
    Files.writeString(
        folder.resolve(WEIGHTS + ".index.json"),
        "{\"weight_map\": {\"" + tensor + "\": \"shard-1.safetensors\"}}");
    assertRefused("index.json", "but not listed");
    saved(config()).close();
    shards(Map.of("extra", "shard-0.bin"));
    assertRefused("index.json", "extra: is not in ");
  }

  /** Splits the weights into a file of PyTorch and one of safetensors. */
  private void shards(Map<String, String> otherFiles) throws IOException {
    Map<String, Safetensors.Array> first = new LinkedHashMap<>();
    Map<String, Safetensors.Array> second = new LinkedHashMap<>();
    Map<String, String> files = new LinkedHashMap<>();
    tensors()
        .forEach(
            (name, array) -> {
              boolean weight = name.endsWith("weight");
              (weight ? first : second).put(name, array);
              files.put(name, weight ? "shard-0.bin" : "shard-1.safetensors");
            });
    files.putAll(otherFiles);
    TorchFiles.write(folder.resolve("shard-0.bin"), first);
    Safetensors.write(folder.resolve("shard-1.safetensors"), second, Map.of());
    Files.delete(folder.resolve(WEIGHTS));
    Files.writeString(
        folder.resolve(WEIGHTS + ".index.json"),
        JsonFields.write(Map.of("metadata", Map.of("total_size", 1), "weight_map", files)));
  }

  @Test
  void pipelinesOfOtherPartsAreRefused() throws IOException {
    saved(config()).close();
    Files.writeString(
        folder.resolve("model_index.json"),
        "{\"_class_name\": \"LDMPipeline\", \"unet\": [\"diffusers\", \"UNet2DModel\"],"
            + " \"vqvae\": [\"diffusers\", \"VQModel\"]}");
    assertRefused("model_index.json", "vqvae");
  }

  @Test
  void longTextsAreRefused() throws IOException {
    saved(config()).close();
    Files.writeString(folder.resolve("config.json"), " ".repeat((16 << 20) + 1));
    assertRefused("config.json", "longer than");
  }

  @Test
  void missingFilesAreNamed() throws IOException {
    for (String file : new String[] {"config.json", "scheduler_config.json", WEIGHTS}) {
      saved(config()).close();
      Files.delete(folder.resolve(file));
      assertThatThrownBy(() -> DiffusionModel.load(folder).close())
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining(file)
          .hasMessageContaining("missing");
    }
    assertThatThrownBy(() -> DiffusersCheckpoint.read(folder.resolve("nowhere")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("nowhere");
  }

  @Test
  void wrongTensorsAreNamed() {
    String name = "mid_block.attentions.0.to_q.weight";
    assertTensorRefused(name, tensors -> tensors.remove(name), "missing", "[16,16]");
    assertTensorRefused(
        "extra.weight", tensors -> tensors.put("extra.weight", tensors.get(name)), "unexpected");
    assertTensorRefused(
        name,
        tensors -> tensors.put(name, new Safetensors.Array(Shape.of(16, 8), new float[128])),
        "[16,8]",
        "[16,16]");
    assertTensorRefused(
        "mid_block.attentions.0.query.weight",
        tensors -> tensors.put("mid_block.attentions.0.query.weight", tensors.get(name)),
        "same tensor");
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      assertTensorRefused(
          name, tensors -> tensors.get(name).values()[7] = bad, "value 7", "finite");
    }
  }

  @Test
  void brokenWeightsAreRefused() throws IOException {
    saved(config()).close();
    byte[] bytes = Files.readAllBytes(folder.resolve(WEIGHTS));
    Files.write(folder.resolve(WEIGHTS), java.util.Arrays.copyOf(bytes, bytes.length / 2));
    assertRefused(WEIGHTS, "");
  }

  @Test
  void configurationsThatCannotBeHonouredAreRefused() throws IOException {
    saved(config()).close();
    Files.writeString(folder.resolve("config.json"), config().toJson().replace("silu", "gelu"));
    assertRefused("config.json", "act_fn");
    saved(config()).close();
    Files.writeString(folder.resolve("scheduler_config.json"), "{\"variance_type\": \"other\"}");
    assertRefused("scheduler_config.json", "variance_type");
  }

  @Test
  void unknownBundledModelIsRefused() {
    for (String name : new String[] {"nothing", "../models/mnist", ""}) {
      assertThatThrownBy(() -> DiffusersCheckpoint.bundled(name))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("'" + name + "'");
    }
  }

  private void rewrite(Consumer<Map<String, Safetensors.Array>> change) {
    Map<String, Safetensors.Array> tensors = tensors();
    change.accept(tensors);
    Safetensors.write(folder.resolve(WEIGHTS), tensors, Map.of());
  }

  private Map<String, Safetensors.Array> tensors() {
    Safetensors file = Safetensors.read(folder.resolve(WEIGHTS));
    Map<String, Safetensors.Array> tensors = new LinkedHashMap<>();
    file.names()
        .forEach(
            name -> tensors.put(name, new Safetensors.Array(file.shape(name), file.floats(name))));
    return tensors;
  }

  private void assertTensorRefused(
      String name, Consumer<Map<String, Safetensors.Array>> change, String... messages) {
    saved(config()).close();
    rewrite(change);
    assertThatThrownBy(() -> DiffusersCheckpoint.read(folder).unet(Device.cpu()))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(WEIGHTS)
        .hasMessageContaining(name)
        .hasMessageContainingAll(messages);
  }

  private void assertRefused(String file, String part) {
    assertThatThrownBy(() -> DiffusersCheckpoint.read(folder).unet(Device.cpu()).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file)
        .hasMessageContaining(part);
  }
}
