package io.github.ddpm4j.unet;

import static io.github.ddpm4j.unet.Requirement.require;
import static io.github.ddpm4j.unet.Requirement.requireCount;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Configuration of the U-Net of Ho et al. (arXiv 2006.11239) as diffusers' {@code UNet2DModel}
 * builds it; names and defaults are diffusers'. Immutable; {@link #builder} makes one.
 *
 * <p>Diffusers' rules hold: {@code downsampleType} and {@code upsampleType} concern attention
 * blocks only, and the middle attention has no normalisation under {@link
 * TimeScaleShift#SCALE_SHIFT} unless {@code attnNormNumGroups} is given.
 *
 * @param sampleHeight height of the pictures the network is made for; 0 if not said
 * @param sampleWidth width of the pictures the network is made for; 0 if not said
 * @param inChannels channels of pictures
 * @param outChannels channels of predictions
 * @param centerInputSample whether pictures are in [0, 1] and become [-1, 1] first
 * @param freqShift taken from the number of frequencies in the exponent of the time embedding
 * @param flipSinToCos whether the time embedding has its cosines first
 * @param downBlockTypes kinds of down blocks, finest resolution first
 * @param upBlockTypes kinds of up blocks, coarsest resolution first
 * @param blockOutChannels channels of each level, finest first; divisible by normNumGroups
 * @param layersPerBlock residual layers of a down block; an up block has one more
 * @param midBlockScaleFactor divisor of the results of the middle block's layers
 * @param downsamplePadding 1: symmetric; 0: one row below and one column to the right
 * @param downsampleType how attention down blocks halve the size
 * @param upsampleType how attention up blocks double the size
 * @param dropout probability in residual layers, in training
 * @param attentionHeadDim channels of an attention head, of which there are as many as fit; null
 *     for one head of all channels
 * @param normNumGroups groups of group normalisations
 * @param attnNormNumGroups groups of the middle attention's normalisation; null for the default
 * @param normEps added to variances
 * @param resnetTimeScaleShift what the time embedding does in residual layers
 * @param addAttention whether the middle block has attention
 * @param classEmbedType what class labels are; null for numbers from 0 to numClassEmbeds - 1
 * @param numClassEmbeds number of classes; null for none
 */
public record UNetConfig(
    int sampleHeight,
    int sampleWidth,
    int inChannels,
    int outChannels,
    boolean centerInputSample,
    int freqShift,
    boolean flipSinToCos,
    List<BlockType> downBlockTypes,
    List<BlockType> upBlockTypes,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    double midBlockScaleFactor,
    int downsamplePadding,
    Resampling downsampleType,
    Resampling upsampleType,
    double dropout,
    Integer attentionHeadDim,
    int normNumGroups,
    Integer attnNormNumGroups,
    double normEps,
    TimeScaleShift resnetTimeScaleShift,
    boolean addAttention,
    ClassEmbedType classEmbedType,
    Integer numClassEmbeds)
    implements NetworkConfig {
  /** Far above any network; each layer takes memory even without its parameters. */
  private static final int MOST_LAYERS = 256;

  /** The {@code _class_name} in {@code config.json}. */
  public static final String CLASS_NAME = "UNet2DModel";

  /** How a block changes the size of pictures. */
  public enum Resampling {
    /** By a 3x3 convolution, of stride 2 or after nearest-neighbour up-sampling. */
    CONV,
    /** In a residual layer, by averaging or nearest-neighbour up-sampling. */
    RESNET
  }

  /** What the time embedding does in residual layers. */
  public enum TimeScaleShift {
    /** It is added after the first convolution. */
    DEFAULT,
    /**
     * It scales and shifts the second normalisation (Dhariwal and Nichol, arXiv 2105.05233, section
     * 3).
     */
    SCALE_SHIFT
  }

  /** Class labels that are not class numbers. */
  public enum ClassEmbedType {
    /** Numbers [N] that go through a time embedding of their own. */
    TIMESTEP,
    /** Vectors [N, 4 blockOutChannels[0]] that are added to the time embedding as they are. */
    IDENTITY
  }

  /**
   * @throws InvalidArgumentException naming the key, its value, and what is supported
   */
  public UNetConfig {
    downBlockTypes = List.copyOf(downBlockTypes);
    upBlockTypes = List.copyOf(upBlockTypes);
    blockOutChannels = List.copyOf(blockOutChannels);
    require(
        sampleHeight >= 0
            && sampleWidth >= 0
            && sampleHeight <= Requirement.MOST
            && sampleWidth <= Requirement.MOST
            && sampleHeight == 0 == (sampleWidth == 0),
        "sample_size",
        List.of(sampleHeight, sampleWidth),
        "two numbers from 1 to " + Requirement.MOST + ", or null");
    require(freqShift >= 0, "freq_shift", freqShift, "at least 0");
    requireCount("in_channels", inChannels);
    requireCount("out_channels", outChannels);
    require(
        layersPerBlock >= 1 && layersPerBlock <= MOST_LAYERS,
        "layers_per_block",
        layersPerBlock,
        "1 to " + MOST_LAYERS);
    requireCount("norm_num_groups", normNumGroups);
    require(
        !blockOutChannels.isEmpty() && blockOutChannels.size() <= 16,
        "block_out_channels",
        blockOutChannels,
        "1 to 16 numbers");
    require(
        downBlockTypes.size() == blockOutChannels.size(),
        "down_block_types",
        downBlockTypes,
        "as many as block_out_channels " + blockOutChannels);
    require(
        upBlockTypes.size() == blockOutChannels.size(),
        "up_block_types",
        upBlockTypes,
        "as many as block_out_channels " + blockOutChannels);
    for (int channels : blockOutChannels) {
      require(
          channels >= 1 && channels <= Requirement.MOST && channels % normNumGroups == 0,
          "block_out_channels",
          blockOutChannels,
          "numbers to " + Requirement.MOST + " divisible by norm_num_groups " + normNumGroups);
    }
    int half = blockOutChannels.get(0) / 2;
    require(
        blockOutChannels.get(0) % 2 == 0 && half > freqShift,
        "block_out_channels",
        blockOutChannels,
        "an even first number, more than twice freq_shift " + freqShift);
    require(
        midBlockScaleFactor > 0 && midBlockScaleFactor < Double.POSITIVE_INFINITY,
        "mid_block_scale_factor",
        midBlockScaleFactor,
        "a positive number");
    require(
        downsamplePadding == 0 || downsamplePadding == 1,
        "downsample_padding",
        downsamplePadding,
        "0 or 1");
    require(dropout >= 0 && dropout < 1, "dropout", dropout, "0 <= dropout < 1");
    require(normEps > 0 && normEps < 1, "norm_eps", normEps, "0 < norm_eps < 1");
    int last = blockOutChannels.size() - 1;
    for (int i = 0; i <= last; i++) {
      if (downBlockTypes.get(i) == BlockType.ATTENTION
          || upBlockTypes.get(last - i) == BlockType.ATTENTION
          || i == last && addAttention) {
        int channels = blockOutChannels.get(i);
        require(
            attentionHeadDim == null || attentionHeadDim >= 1 && attentionHeadDim <= channels,
            "attention_head_dim",
            attentionHeadDim,
            "1 to the " + channels + " channels of level " + i + ", or null for one head");
      }
    }
    require(
        attnNormNumGroups == null
            || !addAttention
            || attnNormNumGroups >= 1 && blockOutChannels.get(last) % attnNormNumGroups == 0,
        "attn_norm_num_groups",
        attnNormNumGroups,
        "a divisor of the last of block_out_channels " + blockOutChannels + ", or null");
    require(
        numClassEmbeds == null || numClassEmbeds >= 1,
        "num_class_embeds",
        numClassEmbeds,
        "at least 1, or null");
  }

  /** A builder that starts from diffusers' defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Reads the text of {@code config.json}; what is missing takes diffusers' defaults.
   *
   * @throws io.github.ddpm4j.CheckpointException if the configuration cannot be honoured: names
   *     key, value, and what is supported
   */
  public static UNetConfig fromJson(String json) {
    return UNetConfigJson.read(JsonFields.parse(Path.of("config.json"), json));
  }

  @Override
  public String toJson() {
    return UNetConfigJson.write(this);
  }

  @Override
  public int sizeMultiple() {
    return 1 << (blockOutChannels.size() - 1);
  }

  /** Channels of the time embedding. */
  public int timeEmbedDim() {
    return 4 * blockOutChannels.get(0);
  }

  /** Whether predictions depend on class labels. */
  public boolean classConditional() {
    return classEmbedType != null || numClassEmbeds != null;
  }

  @Override
  public Shape labelShape(int images) {
    if (!classConditional()) {
      return null;
    }
    return classEmbedType == ClassEmbedType.IDENTITY
        ? Shape.of(images, timeEmbedDim())
        : Shape.of(images);
  }

  /** Attention heads at a number of channels. */
  public int heads(int channels) {
    return channels / headDim(channels);
  }

  /** Channels of an attention head at a number of channels. */
  public int headDim(int channels) {
    return attentionHeadDim == null ? channels : attentionHeadDim;
  }

  /** Groups of the middle attention's normalisation; 0 if it has none. */
  public int midAttentionGroups() {
    if (attnNormNumGroups != null) {
      return attnNormNumGroups;
    }
    return resnetTimeScaleShift == TimeScaleShift.DEFAULT ? normNumGroups : 0;
  }

  /** Builds a {@link UNetConfig}; each method sets the component of its name. */
  public static final class Builder {
    private int sampleHeight;
    private int sampleWidth;
    private int inChannels = 3;
    private int outChannels = 3;
    private boolean centerInputSample;
    private int freqShift;
    private boolean flipSinToCos = true;
    private List<BlockType> downBlockTypes =
        List.of(BlockType.PLAIN, BlockType.ATTENTION, BlockType.ATTENTION, BlockType.ATTENTION);
    private List<BlockType> upBlockTypes =
        List.of(BlockType.ATTENTION, BlockType.ATTENTION, BlockType.ATTENTION, BlockType.PLAIN);
    private List<Integer> blockOutChannels = List.of(224, 448, 672, 896);
    private int layersPerBlock = 2;
    private double midBlockScaleFactor = 1;
    private int downsamplePadding = 1;
    private Resampling downsampleType = Resampling.CONV;
    private Resampling upsampleType = Resampling.CONV;
    private double dropout;
    private Integer attentionHeadDim = 8;
    private int normNumGroups = 32;
    private Integer attnNormNumGroups;
    private double normEps = 1e-5;
    private TimeScaleShift resnetTimeScaleShift = TimeScaleShift.DEFAULT;
    private boolean addAttention = true;
    private ClassEmbedType classEmbedType;
    private Integer numClassEmbeds;

    private Builder() {}

    /** Height and width; 0 if not said. */
    public Builder sampleSize(int value) {
      return sampleSize(value, value);
    }

    public Builder sampleSize(int height, int width) {
      sampleHeight = height;
      sampleWidth = width;
      return this;
    }

    public Builder inChannels(int value) {
      inChannels = value;
      return this;
    }

    public Builder outChannels(int value) {
      outChannels = value;
      return this;
    }

    public Builder centerInputSample(boolean value) {
      centerInputSample = value;
      return this;
    }

    public Builder freqShift(int value) {
      freqShift = value;
      return this;
    }

    public Builder flipSinToCos(boolean value) {
      flipSinToCos = value;
      return this;
    }

    public Builder downBlockTypes(BlockType... values) {
      downBlockTypes = List.of(values);
      return this;
    }

    public Builder upBlockTypes(BlockType... values) {
      upBlockTypes = List.of(values);
      return this;
    }

    public Builder blockOutChannels(int... values) {
      blockOutChannels = IntStream.of(values).boxed().toList();
      return this;
    }

    public Builder layersPerBlock(int value) {
      layersPerBlock = value;
      return this;
    }

    public Builder midBlockScaleFactor(double value) {
      midBlockScaleFactor = value;
      return this;
    }

    public Builder downsamplePadding(int value) {
      downsamplePadding = value;
      return this;
    }

    public Builder downsampleType(Resampling value) {
      downsampleType = value;
      return this;
    }

    public Builder upsampleType(Resampling value) {
      upsampleType = value;
      return this;
    }

    public Builder dropout(double value) {
      dropout = value;
      return this;
    }

    /** Channels of an attention head; null for one head of all channels. */
    public Builder attentionHeadDim(Integer value) {
      attentionHeadDim = value;
      return this;
    }

    public Builder normNumGroups(int value) {
      normNumGroups = value;
      return this;
    }

    public Builder attnNormNumGroups(Integer value) {
      attnNormNumGroups = value;
      return this;
    }

    public Builder normEps(double value) {
      normEps = value;
      return this;
    }

    public Builder resnetTimeScaleShift(TimeScaleShift value) {
      resnetTimeScaleShift = value;
      return this;
    }

    public Builder addAttention(boolean value) {
      addAttention = value;
      return this;
    }

    public Builder classEmbedType(ClassEmbedType value) {
      classEmbedType = value;
      return this;
    }

    public Builder numClassEmbeds(Integer value) {
      numClassEmbeds = value;
      return this;
    }

    /**
     * @throws InvalidArgumentException if the values do not fit together: names the key, its value,
     *     and what is supported
     */
    public UNetConfig build() {
      return new UNetConfig(
          sampleHeight,
          sampleWidth,
          inChannels,
          outChannels,
          centerInputSample,
          freqShift,
          flipSinToCos,
          downBlockTypes,
          upBlockTypes,
          blockOutChannels,
          layersPerBlock,
          midBlockScaleFactor,
          downsamplePadding,
          downsampleType,
          upsampleType,
          dropout,
          attentionHeadDim,
          normNumGroups,
          attnNormNumGroups,
          normEps,
          resnetTimeScaleShift,
          addAttention,
          classEmbedType,
          numClassEmbeds);
    }
  }
}
