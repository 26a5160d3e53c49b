package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The forms that a model's folder comes in. For tests. */
public enum WeightFiles {
  SAFETENSORS,
  /** In folders {@code unet} and {@code scheduler}. */
  PIPELINE,
  /** Attention's old names, its weights as 1x1 convolutions. */
  OLD_NAMES,
  PYTORCH,
  /** A file of PyTorch, one of safetensors, and an index. */
  SHARDED,
  FLOAT16,
  BFLOAT16;

  private static final String NAME = "diffusion_pytorch_model.";
  private static final String WEIGHTS = NAME + "safetensors";

  /** The nearest number towards zero that the files can hold. */
  public float rounded(float value) {
    int bits = Float.floatToRawIntBits(value);
    return switch (this) {
      case BFLOAT16 -> Float.intBitsToFloat(bits & 0xffff0000);
      // Ten bits of fraction, and no numbers so small that they would have fewer.
      case FLOAT16 -> Math.abs(value) < 0x1p-14f ? 0 : Float.intBitsToFloat(bits & 0xffffe000);
      default -> value;
    };
  }

  /** Writes a model. */
  public void write(
      Path folder, String config, String scheduler, Map<String, Safetensors.Array> weights)
      throws IOException {
    boolean parts = this == PIPELINE;
    Path unet = Files.createDirectories(parts ? folder.resolve("unet") : folder);
    Path beside = Files.createDirectories(parts ? folder.resolve("scheduler") : folder);
    Files.writeString(unet.resolve("config.json"), config);
    Files.writeString(beside.resolve("scheduler_config.json"), scheduler);
    switch (this) {
      case PYTORCH -> TorchFiles.write(unet.resolve(NAME + "bin"), weights);
      case SHARDED -> writeShards(unet, weights);
      case FLOAT16, BFLOAT16 -> Files.write(unet.resolve(WEIGHTS), half(weights));
      case OLD_NAMES -> Safetensors.write(unet.resolve(WEIGHTS), oldNames(weights), Map.of());
      default -> Safetensors.write(unet.resolve(WEIGHTS), weights, Map.of());
    }
  }

  private static Map<String, Safetensors.Array> oldNames(Map<String, Safetensors.Array> weights) {
    Map<String, Safetensors.Array> renamed = new LinkedHashMap<>();
    weights.forEach(
        (name, array) -> {
          String old =
              name.replace("to_q", "query")
                  .replace("to_k", "key")
                  .replace("to_v", "value")
                  .replace("to_out.0", "proj_attn");
          Shape shape = array.shape();
          boolean linear = !old.equals(name) && name.endsWith("weight");
          renamed.put(
              old,
              new Safetensors.Array(
                  linear ? Shape.of(shape.dim(0), shape.dim(1), 1, 1) : shape, array.values()));
        });
    return renamed;
  }

  private static void writeShards(Path folder, Map<String, Safetensors.Array> weights)
      throws IOException {
    String first = NAME.replace(".", "-00001-of-00002.bin");
    String second = NAME.replace(".", "-00002-of-00002.safetensors");
    Map<String, String> files = new LinkedHashMap<>();
    Map<String, Safetensors.Array> down = new LinkedHashMap<>();
    Map<String, Safetensors.Array> rest = new LinkedHashMap<>();
    weights.forEach(
        (name, array) -> {
          boolean isFirst = name.startsWith("down_blocks");
          (isFirst ? down : rest).put(name, array);
          files.put(name, isFirst ? first : second);
        });
    TorchFiles.write(folder.resolve(first), down);
    Safetensors.write(folder.resolve(second), rest, Map.of());
    Files.writeString(
        folder.resolve(WEIGHTS + ".index.json"), JsonFields.write(Map.of("weight_map", files)));
  }

  /** A file of 16-bit numbers, which only others write. */
  private byte[] half(Map<String, Safetensors.Array> weights) {
    Map<String, Object> header = new LinkedHashMap<>();
    int end = 0;
    for (Map.Entry<String, Safetensors.Array> weight : weights.entrySet()) {
      int begin = end;
      end += 2 * weight.getValue().values().length;
      header.put(
          weight.getKey(),
          new TreeMap<>(
              Map.of(
                  "dtype",
                  this == FLOAT16 ? "F16" : "BF16",
                  "shape",
                  weight.getValue().shape().toArray(),
                  "data_offsets",
                  List.of(begin, end))));
    }
    byte[] json = JsonFields.write(header).getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + json.length + end).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length).put(json);
    for (Safetensors.Array array : weights.values()) {
      for (float value : array.values()) {
        int bits = Float.floatToRawIntBits(value);
        file.putShort((short) (this == BFLOAT16 ? bits >>> 16 : float16(bits)));
      }
    }
    return file.array();
  }

  /** The 16 bits of a number that has been rounded. */
  private static int float16(int bits) {
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fffffff;
    return magnitude == 0 ? sign : sign | (magnitude >>> 13) - (127 - 15 << 10);
  }
}
