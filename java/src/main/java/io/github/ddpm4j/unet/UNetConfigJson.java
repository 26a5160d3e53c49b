package io.github.ddpm4j.unet;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.internal.JsonFields;
import io.github.ddpm4j.unet.UNetConfig.ClassEmbedType;
import io.github.ddpm4j.unet.UNetConfig.Resampling;
import io.github.ddpm4j.unet.UNetConfig.TimeScaleShift;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** {@link UNetConfig} as diffusers' {@code config.json}. */
final class UNetConfigJson {
  private static final Map<String, BlockType> DOWN = blocks(BlockType::downName);
  private static final Map<String, BlockType> UP = blocks(BlockType::upName);
  private static final Map<String, TimeScaleShift> TIME =
      byText(TimeScaleShift.values(), UNetConfigJson::text);
  private static final Map<String, Resampling> RESAMPLING = resampling();
  private static final Map<String, ClassEmbedType> CLASSES = classes();

  /** What diffusers' {@code EMAModel} adds to the configuration of the network it averaged. */
  private static final String[] EMA_KEYS = {
    "decay",
    "inv_gamma",
    "min_decay",
    "optimization_step",
    "power",
    "update_after_step",
    "use_ema_warmup"
  };

  private UNetConfigJson() {}

  static UNetConfig read(JsonFields fields) {
    UNetConfig.Builder builder = UNetConfig.builder();
    UNetConfig defaults = builder.build();
    sampleSize(fields, builder);
    builder
        .inChannels(fields.integer("in_channels", defaults.inChannels()))
        .outChannels(fields.integer("out_channels", defaults.outChannels()))
        .centerInputSample(fields.bool("center_input_sample", false))
        .freqShift(fields.integer("freq_shift", defaults.freqShift()))
        .flipSinToCos(fields.bool("flip_sin_to_cos", defaults.flipSinToCos()))
        .downBlockTypes(
            fields
                .choices("down_block_types", DOWN, defaults.downBlockTypes())
                .toArray(BlockType[]::new))
        .upBlockTypes(
            fields.choices("up_block_types", UP, defaults.upBlockTypes()).toArray(BlockType[]::new))
        .blockOutChannels(ints(fields.integers("block_out_channels", defaults.blockOutChannels())))
        .layersPerBlock(fields.integer("layers_per_block", defaults.layersPerBlock()))
        .midBlockScaleFactor(
            fields.number("mid_block_scale_factor", defaults.midBlockScaleFactor()))
        .downsamplePadding(fields.integer("downsample_padding", defaults.downsamplePadding()))
        .downsampleType(fields.choice("downsample_type", RESAMPLING, defaults.downsampleType()))
        .upsampleType(fields.choice("upsample_type", RESAMPLING, defaults.upsampleType()))
        .dropout(fields.number("dropout", defaults.dropout()))
        .attentionHeadDim(fields.integerOrNull("attention_head_dim", defaults.attentionHeadDim()))
        .normNumGroups(fields.integer("norm_num_groups", defaults.normNumGroups()))
        .attnNormNumGroups(fields.integerOrNull("attn_norm_num_groups", null))
        .normEps(fields.number("norm_eps", defaults.normEps()))
        .resnetTimeScaleShift(
            fields.choice("resnet_time_scale_shift", TIME, TimeScaleShift.DEFAULT))
        .addAttention(fields.bool("add_attention", true))
        .classEmbedType(fields.choice("class_embed_type", CLASSES, null))
        .numClassEmbeds(fields.integerOrNull("num_class_embeds", null));
    fields.require("_class_name", UNetConfig.CLASS_NAME);
    fields.require("act_fn", "silu", "swish");
    fields.require("time_embedding_type", "positional");
    fields.require("mid_block_type", "UNetMidBlock2D");
    fields.ignore("num_train_timesteps");
    fields.ignore(EMA_KEYS);
    fields.finish();
    try {
      return builder.build();
    } catch (InvalidArgumentException e) {
      throw fields.problem("configuration", e.getMessage());
    }
  }

  static String write(UNetConfig config) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("_class_name", UNetConfig.CLASS_NAME);
    json.put("act_fn", "silu");
    json.put("add_attention", config.addAttention());
    json.put("attention_head_dim", config.attentionHeadDim());
    json.put("attn_norm_num_groups", config.attnNormNumGroups());
    json.put("block_out_channels", config.blockOutChannels());
    json.put("center_input_sample", config.centerInputSample());
    json.put(
        "class_embed_type", config.classEmbedType() == null ? null : text(config.classEmbedType()));
    json.put(
        "down_block_types", config.downBlockTypes().stream().map(BlockType::downName).toList());
    json.put("downsample_padding", config.downsamplePadding());
    json.put("downsample_type", text(config.downsampleType()));
    json.put("dropout", config.dropout());
    json.put("flip_sin_to_cos", config.flipSinToCos());
    json.put("freq_shift", config.freqShift());
    json.put("in_channels", config.inChannels());
    json.put("layers_per_block", config.layersPerBlock());
    json.put("mid_block_scale_factor", config.midBlockScaleFactor());
    json.put("norm_eps", config.normEps());
    json.put("norm_num_groups", config.normNumGroups());
    json.put("num_class_embeds", config.numClassEmbeds());
    json.put("out_channels", config.outChannels());
    json.put("resnet_time_scale_shift", text(config.resnetTimeScaleShift()));
    json.put("sample_size", sampleSize(config));
    json.put("time_embedding_type", "positional");
    json.put("up_block_types", config.upBlockTypes().stream().map(BlockType::upName).toList());
    json.put("upsample_type", text(config.upsampleType()));
    return JsonFields.write(json);
  }

  /** A number, null, or a list of height and width. */
  private static void sampleSize(JsonFields fields, UNetConfig.Builder builder) {
    if (!fields.isList("sample_size")) {
      Integer size = fields.integerOrNull("sample_size", null);
      builder.sampleSize(size == null ? 0 : size);
      return;
    }
    List<Integer> sides = fields.integers("sample_size", List.of());
    if (sides.size() != 2) {
      throw fields.problem("sample_size", "is " + sides + "; supported: a number, or two");
    }
    builder.sampleSize(sides.get(0), sides.get(1));
  }

  private static Object sampleSize(UNetConfig config) {
    if (config.sampleHeight() == 0) {
      return null;
    }
    return config.sampleHeight() == config.sampleWidth()
        ? config.sampleHeight()
        : List.of(config.sampleHeight(), config.sampleWidth());
  }

  private static int[] ints(List<Integer> numbers) {
    return numbers.stream().mapToInt(Integer::intValue).toArray();
  }

  private static String text(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /** Kinds of blocks by name, and by the longer name of diffusers' first releases. */
  private static Map<String, BlockType> blocks(Function<BlockType, String> name) {
    Map<String, BlockType> map = byText(BlockType.values(), name);
    map.putAll(byText(BlockType.values(), type -> "UNetRes" + name.apply(type)));
    return map;
  }

  private static <T> Map<String, T> byText(T[] values, Function<T, String> text) {
    Map<String, T> map = new LinkedHashMap<>();
    Arrays.stream(values).forEach(value -> map.put(text.apply(value), value));
    return map;
  }

  private static Map<String, Resampling> resampling() {
    Map<String, Resampling> map = byText(Resampling.values(), UNetConfigJson::text);
    map.put("null", Resampling.CONV);
    return map;
  }

  private static Map<String, ClassEmbedType> classes() {
    Map<String, ClassEmbedType> map = byText(ClassEmbedType.values(), UNetConfigJson::text);
    map.put("null", null);
    return map;
  }
}
