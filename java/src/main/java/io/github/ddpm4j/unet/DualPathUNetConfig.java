package io.github.ddpm4j.unet;

import static io.github.ddpm4j.unet.Requirement.require;
import static io.github.ddpm4j.unet.Requirement.requireCount;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Configuration of a small U-Net for MNIST that attends after every residual layer and changes the
 * size of pictures on two paths at a time: a strided convolution beside max-pooling on the way
 * down, a transposed convolution beside bilinear interpolation on the way up. Immutable; {@link
 * #builder} makes one, with the channels below as defaults.
 *
 * <p>With n down blocks, block i takes downChannels[i] to downChannels[i+1] and then halves the
 * size if downsample[i] says so; its input is kept. Middle block i takes midChannels[i] to
 * midChannels[i+1]. Up block i doubles the size if down block n-1-i halved it, keeping as many
 * channels as make upChannels[i] together with what that block kept, and takes upChannels[i] to
 * upChannels[i+1].
 *
 * @param sampleSize height and width of the pictures the network is made for; 0 if not said
 * @param inChannels channels of pictures and predictions
 * @param downChannels [32, 64, 128, 256]
 * @param midChannels [256, 256, 128]
 * @param upChannels [256, 128, 64, 16]
 * @param downsample [true, true, false]
 * @param layersPerBlock residual layers of a down or up block, each followed by attention: 2
 * @param midLayersPerBlock residual layers of a middle block, with attention between them: 3
 * @param normNumGroups groups of group normalisations: 8
 * @param numAttentionHeads heads of attentions: 4
 * @param timeEmbedDim channels of the time embedding: 128
 */
public record DualPathUNetConfig(
    int sampleSize,
    int inChannels,
    List<Integer> downChannels,
    List<Integer> midChannels,
    List<Integer> upChannels,
    List<Boolean> downsample,
    int layersPerBlock,
    int midLayersPerBlock,
    int normNumGroups,
    int numAttentionHeads,
    int timeEmbedDim)
    implements NetworkConfig {
  /** The {@code _class_name} in {@code config.json}. */
  public static final String CLASS_NAME = "DualPathUNet";

  /**
   * @throws InvalidArgumentException naming the key, its value, and what is supported
   */
  public DualPathUNetConfig {
    downChannels = List.copyOf(downChannels);
    midChannels = List.copyOf(midChannels);
    upChannels = List.copyOf(upChannels);
    downsample = List.copyOf(downsample);
    require(sampleSize >= 0, "sample_size", sampleSize, "at least 0");
    requireCount("in_channels", inChannels);
    requireCount("layers_per_block", layersPerBlock);
    requireCount("mid_layers_per_block", midLayersPerBlock);
    requireCount("norm_num_groups", normNumGroups);
    requireCount("num_attention_heads", numAttentionHeads);
    require(
        timeEmbedDim >= 2 && timeEmbedDim <= Requirement.MOST && timeEmbedDim % 2 == 0,
        "time_embed_dim",
        timeEmbedDim,
        "even numbers to " + Requirement.MOST);
    int blocks = downsample.size();
    require(blocks >= 1 && blocks <= 16, "downsample", downsample, "1 to 16 flags");
    requireChannels("down_channels", downChannels, normNumGroups, numAttentionHeads);
    requireChannels("mid_channels", midChannels, normNumGroups, numAttentionHeads);
    requireChannels("up_channels", upChannels, normNumGroups, numAttentionHeads);
    require(
        downChannels.size() == blocks + 1,
        "down_channels",
        downChannels,
        "one more than downsample " + downsample);
    require(
        upChannels.size() == blocks + 1,
        "up_channels",
        upChannels,
        "as many as down_channels " + downChannels);
    require(
        midChannels.get(0).equals(downChannels.get(blocks)),
        "mid_channels",
        midChannels,
        "first as down_channels end, " + downChannels);
    int channels = midChannels.get(midChannels.size() - 1);
    for (int i = 0; i < blocks; i++) {
      int kept = downChannels.get(blocks - 1 - i);
      int rest = upChannels.get(i) - kept;
      boolean doubles = downsample.get(blocks - 1 - i);
      require(
          doubles ? rest >= 2 && rest % 2 == 0 : rest == channels,
          "up_channels",
          upChannels,
          "entry "
              + i
              + " the "
              + kept
              + " kept channels and "
              + (doubles ? "an even number of others" : "the " + channels + " that arrive"));
      channels = upChannels.get(i + 1);
    }
    for (int i = 0; i < blocks; i++) {
      require(
          !downsample.get(i) || downChannels.get(i + 1) % 2 == 0,
          "down_channels",
          downChannels,
          "even numbers where the size is halved");
    }
  }

  @Override
  public int sampleHeight() {
    return sampleSize;
  }

  @Override
  public int sampleWidth() {
    return sampleSize;
  }

  private static void requireChannels(String key, List<Integer> channels, int groups, int heads) {
    require(channels.size() >= 2, key, channels, "at least 2 numbers");
    for (int number : channels) {
      require(
          number >= 1 && number <= Requirement.MOST && number % groups == 0 && number % heads == 0,
          key,
          channels,
          "numbers to "
              + Requirement.MOST
              + " divisible by norm_num_groups "
              + groups
              + " and num_attention_heads "
              + heads);
    }
  }

  /** A builder that starts from the defaults: 28x28 pictures of one channel. */
  public static Builder builder() {
    return new Builder();
  }

  static DualPathUNetConfig read(JsonFields fields) {
    DualPathUNetConfig defaults = builder().build();
    Builder builder = builder();
    builder.sampleSize = fields.integer("sample_size", 0);
    builder.inChannels = fields.integer("in_channels", defaults.inChannels);
    builder.downChannels = fields.integers("down_channels", defaults.downChannels);
    builder.midChannels = fields.integers("mid_channels", defaults.midChannels);
    builder.upChannels = fields.integers("up_channels", defaults.upChannels);
    builder.downsample =
        fields.choices("downsample", Map.of("true", true, "false", false), defaults.downsample);
    builder.layersPerBlock = fields.integer("layers_per_block", defaults.layersPerBlock);
    builder.midLayersPerBlock = fields.integer("mid_layers_per_block", defaults.midLayersPerBlock);
    builder.normNumGroups = fields.integer("norm_num_groups", defaults.normNumGroups);
    builder.numAttentionHeads = fields.integer("num_attention_heads", defaults.numAttentionHeads);
    builder.timeEmbedDim = fields.integer("time_embed_dim", defaults.timeEmbedDim);
    fields.require("_class_name", CLASS_NAME);
    fields.finish();
    try {
      return builder.build();
    } catch (InvalidArgumentException e) {
      throw fields.problem("configuration", e.getMessage());
    }
  }

  /**
   * Reads the text of {@code config.json}; what is missing takes the defaults.
   *
   * @throws io.github.ddpm4j.CheckpointException if the configuration cannot be honoured: names
   *     key, value, and what is supported
   */
  public static DualPathUNetConfig fromJson(String json) {
    return read(JsonFields.parse(Path.of("config.json"), json));
  }

  @Override
  public String toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("_class_name", CLASS_NAME);
    json.put("sample_size", sampleSize);
    json.put("in_channels", inChannels);
    json.put("down_channels", downChannels);
    json.put("mid_channels", midChannels);
    json.put("up_channels", upChannels);
    json.put("downsample", downsample);
    json.put("layers_per_block", layersPerBlock);
    json.put("mid_layers_per_block", midLayersPerBlock);
    json.put("norm_num_groups", normNumGroups);
    json.put("num_attention_heads", numAttentionHeads);
    json.put("time_embed_dim", timeEmbedDim);
    return JsonFields.write(json);
  }

  @Override
  public int outChannels() {
    return inChannels;
  }

  @Override
  public double dropout() {
    return 0;
  }

  @Override
  public int sizeMultiple() {
    return 1 << downsample.stream().filter(halves -> halves).count();
  }

  @Override
  public Shape labelShape(int images) {
    return null;
  }

  /** Builds a {@link DualPathUNetConfig}; each method sets the component of its name. */
  public static final class Builder {
    private int sampleSize = 28;
    private int inChannels = 1;
    private List<Integer> downChannels = List.of(32, 64, 128, 256);
    private List<Integer> midChannels = List.of(256, 256, 128);
    private List<Integer> upChannels = List.of(256, 128, 64, 16);
    private List<Boolean> downsample = List.of(true, true, false);
    private int layersPerBlock = 2;
    private int midLayersPerBlock = 3;
    private int normNumGroups = 8;
    private int numAttentionHeads = 4;
    private int timeEmbedDim = 128;

    private Builder() {}

    public Builder sampleSize(int value) {
      sampleSize = value;
      return this;
    }

    public Builder inChannels(int value) {
      inChannels = value;
      return this;
    }

    public Builder downChannels(int... values) {
      downChannels = IntStream.of(values).boxed().toList();
      return this;
    }

    public Builder midChannels(int... values) {
      midChannels = IntStream.of(values).boxed().toList();
      return this;
    }

    public Builder upChannels(int... values) {
      upChannels = IntStream.of(values).boxed().toList();
      return this;
    }

    public Builder downsample(Boolean... values) {
      downsample = List.of(values);
      return this;
    }

    public Builder layersPerBlock(int value) {
      layersPerBlock = value;
      return this;
    }

    public Builder midLayersPerBlock(int value) {
      midLayersPerBlock = value;
      return this;
    }

    public Builder normNumGroups(int value) {
      normNumGroups = value;
      return this;
    }

    public Builder numAttentionHeads(int value) {
      numAttentionHeads = value;
      return this;
    }

    public Builder timeEmbedDim(int value) {
      timeEmbedDim = value;
      return this;
    }

    /**
     * @throws InvalidArgumentException if the values do not fit together: names the key, its value,
     *     and what is supported
     */
    public DualPathUNetConfig build() {
      return new DualPathUNetConfig(
          sampleSize,
          inChannels,
          downChannels,
          midChannels,
          upChannels,
          downsample,
          layersPerBlock,
          midLayersPerBlock,
          normNumGroups,
          numAttentionHeads,
          timeEmbedDim);
    }
  }
}
