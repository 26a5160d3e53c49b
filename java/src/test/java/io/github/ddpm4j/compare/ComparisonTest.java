package io.github.ddpm4j.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a comparison says of a model that is wrong somewhere, and of recordings that do not fit. */
class ComparisonTest {
  private static final Path MODEL = Path.of("src/test/resources/reference/defaults");
  private static final Path RECORDING = MODEL.resolve("recording.safetensors");
  private static final double TOLERANCE = 1e-4;

  @TempDir Path folder;

  @Test
  void differencesAreMeasuredAsTheySay() {
    Difference difference =
        Difference.of("a", Shape.of(3), new float[] {1, 2, -3}, new float[] {1, 2.5f, -4});
    assertThat(difference.maxAbs()).isEqualTo(1);
    assertThat(difference.maxRel()).isEqualTo(0.25);
    assertThat(difference.nmse()).isCloseTo(1.25 / (1 + 6.25 + 16), within(1e-15));
    float[] zeros = new float[1];
    assertThat(Difference.of("a", Shape.of(1), zeros, zeros).maxRel()).isZero();
    assertThat(Difference.of("a", Shape.of(1), new float[] {1}, zeros).maxRel()).isInfinite();
    assertThat(Difference.of("a", Shape.of(1), new float[] {Float.NaN}, zeros).maxAbs())
        .isInfinite();
    assertThatThrownBy(() -> Difference.of("a", Shape.of(1), zeros, new float[2]))
        .isInstanceOf(InvalidArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "time_embedding.linear_1.bias, time_embedding",
    "conv_in.weight, conv_in",
    "down_blocks.0.resnets.1.norm2.weight, down_blocks.0.resnets.1",
    "down_blocks.0.downsamplers.0.conv.weight, down_blocks.0.downsamplers.0",
    "down_blocks.1.attentions.0.to_k.weight, down_blocks.1.attentions.0",
    "mid_block.resnets.0.time_emb_proj.weight, mid_block.resnets.0",
    "up_blocks.0.upsamplers.0.conv.bias, up_blocks.0.upsamplers.0",
    "conv_norm_out.bias, conv_act",
    "conv_out.weight, conv_out"
  })
  void theFirstWrongLayerIsNamed(String parameter, String layer) {
    try (DiffusionModel model = DiffusionModel.load(MODEL)) {
      var tensor = model.unet().parameters().get(parameter).value();
      float[] values = tensor.toArray();
      values[0] += 1;
      tensor.copyFrom(values);
      Comparison comparison = Comparison.of(model, Recording.read(RECORDING));
      assertThat(comparison.firstBeyond(TOLERANCE).orElseThrow().name()).isEqualTo(layer);
      assertThat(comparison.table(TOLERANCE)).contains("first at " + layer + ", by ");
    }
  }

  @Test
  void theFirstWrongStepIsNamed() {
    Recording wrong =
        changed(
            (tensors, metadata) -> {
              float[] states = tensors.get("trajectory").values();
              states[4 * states.length / 11 + 3] += 0.01f;
            });
    try (DiffusionModel model = DiffusionModel.load(MODEL)) {
      Comparison comparison = Comparison.of(model, wrong);
      assertThat(comparison.firstBeyond(TOLERANCE).orElseThrow().name())
          .startsWith("step 4 (t=600");
      assertThat(comparison.table(TOLERANCE)).contains("step 1 ", "step 10 ", "first at step 4");
    }
  }

  @Test
  void whatAgreesIsSaidToAgree() {
    Recording more =
        changed(
            (tensors, metadata) ->
                tensors.put("layers.other", new Safetensors.Array(Shape.of(1), new float[1])));
    try (DiffusionModel model = DiffusionModel.load(MODEL)) {
      String table = Comparison.of(model, more).table(TOLERANCE);
      assertThat(table)
          .contains("mid_block.attentions.0 ", "output ", "not compared: other", "nowhere");
    }
  }

  @Test
  void recordingsThatDoNotFitAreRefused() {
    assertRefused(
        (tensors, metadata) -> tensors.keySet().removeIf(name -> !name.startsWith("layers")),
        "output");
    assertRefused((tensors, metadata) -> tensors.remove("input"), "input: is missing");
    assertRefused((tensors, metadata) -> tensors.remove("noise"), "noise: is missing");
    assertRefused(
        (tensors, metadata) -> tensors.put("input", tensors.get("timestep")), "4 dimensions");
    assertRefused(
        (tensors, metadata) -> tensors.put("output", tensors.get("layers.conv_in")),
        "output: has shape [2,8,8,8], the model's is [2,3,8,8]");
    assertRefused(
        (tensors, metadata) -> tensors.get("timesteps").values()[2] = 5,
        "timesteps: step 3 starts at 5.0");
    assertRefused((tensors, metadata) -> metadata.put("sampler", "pndm"), "pndm");
    assertRefused(
        (tensors, metadata) -> {
          metadata.put("sampler", "ddim");
          metadata.put("eta", "much");
        },
        "much");
  }

  private void assertRefused(
      BiConsumer<Map<String, Safetensors.Array>, Map<String, String>> change, String part) {
    try (DiffusionModel model = DiffusionModel.load(MODEL)) {
      assertThatThrownBy(() -> Comparison.of(model, changed(change)))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("changed.safetensors")
          .hasMessageContaining(part);
    }
  }

  private Recording changed(
      BiConsumer<Map<String, Safetensors.Array>, Map<String, String>> change) {
    Safetensors file = Safetensors.read(RECORDING);
    Map<String, Safetensors.Array> tensors = new LinkedHashMap<>();
    file.names()
        .forEach(
            name -> tensors.put(name, new Safetensors.Array(file.shape(name), file.floats(name))));
    Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
    change.accept(tensors, metadata);
    Path path = folder.resolve("changed.safetensors");
    Safetensors.write(path, tensors, metadata);
    return Recording.read(path);
  }
}
