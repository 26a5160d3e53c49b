package io.github.ddpm4j.unet;

import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.checkpoint.SchedulerConfig.BetaSchedule;
import io.github.ddpm4j.checkpoint.WeightFiles;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.VarianceType;
import io.github.ddpm4j.unet.ReferenceRecordings.Model;
import io.github.ddpm4j.unet.UNetConfig.ClassEmbedType;
import io.github.ddpm4j.unet.UNetConfig.Resampling;
import io.github.ddpm4j.unet.UNetConfig.TimeScaleShift;
import java.util.List;

/** The models that are recorded: every key of the configuration, every kind of file. */
final class ReferenceModels {
  private ReferenceModels() {}

  static List<Model> all() {
    return List.of(
        // As google/ddpm-cifar10-32, with fewer channels.
        new Model(
            "ddpm-cifar10",
            small()
                .blockOutChannels(8, 16, 16, 16)
                .downBlockTypes(
                    BlockType.PLAIN, BlockType.ATTENTION, BlockType.PLAIN, BlockType.PLAIN)
                .upBlockTypes(
                    BlockType.PLAIN, BlockType.PLAIN, BlockType.ATTENTION, BlockType.PLAIN)
                .attentionHeadDim(null)
                .downsamplePadding(0)
                .flipSinToCos(false)
                .freqShift(1)
                .normEps(1e-6)
                .build(),
            scheduler(BetaSchedule.LINEAR, VarianceType.FIXED_LARGE, PredictionType.EPSILON),
            WeightFiles.OLD_NAMES,
            true,
            20,
            -1),
        model("defaults", small(), WeightFiles.SAFETENSORS, true),
        model(
            "scale-shift",
            small().resnetTimeScaleShift(TimeScaleShift.SCALE_SHIFT).attentionHeadDim(4),
            WeightFiles.PYTORCH,
            true),
        model(
            "scale-shift-normed-middle",
            small().resnetTimeScaleShift(TimeScaleShift.SCALE_SHIFT).attnNormNumGroups(2),
            WeightFiles.SHARDED,
            false),
        model("classes", small().numClassEmbeds(10), WeightFiles.PIPELINE, false),
        model(
            "class-timesteps",
            small().classEmbedType(ClassEmbedType.TIMESTEP).flipSinToCos(false),
            WeightFiles.SAFETENSORS,
            false),
        model(
            "class-vectors",
            small().classEmbedType(ClassEmbedType.IDENTITY),
            WeightFiles.SAFETENSORS,
            false),
        model(
            "resnet-resampling",
            small()
                .downBlockTypes(BlockType.RESNET, BlockType.ATTENTION)
                .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN)
                .downsampleType(Resampling.RESNET)
                .upsampleType(Resampling.RESNET),
            WeightFiles.SAFETENSORS,
            true),
        model(
            "resnet-blocks-attention-throughout",
            small()
                .blockOutChannels(8, 12, 16)
                .downBlockTypes(BlockType.ATTENTION, BlockType.RESNET, BlockType.ATTENTION)
                .upBlockTypes(BlockType.ATTENTION, BlockType.RESNET, BlockType.ATTENTION)
                .layersPerBlock(1)
                .attentionHeadDim(5),
            WeightFiles.SAFETENSORS,
            false),
        model(
            "oblong-centred-no-middle-attention",
            small()
                .sampleSize(8, 12)
                .inChannels(1)
                .outChannels(1)
                .centerInputSample(true)
                .addAttention(false)
                .midBlockScaleFactor(Math.sqrt(2)),
            WeightFiles.FLOAT16,
            false),
        model(
            "scaled-middle",
            small().midBlockScaleFactor(1.5).layersPerBlock(3).downsamplePadding(0),
            WeightFiles.BFLOAT16,
            false),
        new Model(
            "v-prediction-ddim",
            small().build(),
            scheduler(
                BetaSchedule.SCALED_LINEAR, VarianceType.FIXED_SMALL, PredictionType.V_PREDICTION),
            WeightFiles.SAFETENSORS,
            false,
            20,
            0),
        new Model(
            "sample-prediction-eta",
            small().build(),
            scheduler(
                BetaSchedule.SQUAREDCOS_CAP_V2, VarianceType.FIXED_SMALL, PredictionType.SAMPLE),
            WeightFiles.PYTORCH,
            false,
            25,
            0.5),
        new Model(
            "all-steps",
            small().inChannels(1).outChannels(1).build(),
            scheduler(BetaSchedule.LINEAR, VarianceType.FIXED_SMALL, PredictionType.EPSILON),
            WeightFiles.SAFETENSORS,
            false,
            1000,
            -1));
  }

  /** Two levels, attention in the lower one, diffusers' defaults otherwise. */
  private static UNetConfig.Builder small() {
    return UNetConfig.builder()
        .sampleSize(8)
        .blockOutChannels(8, 16)
        .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION)
        .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN)
        .normNumGroups(4);
  }

  private static Model model(
      String name, UNetConfig.Builder config, WeightFiles form, boolean layers) {
    boolean classes = config.build().classConditional();
    return new Model(
        name, config.build(), SchedulerConfig.defaults(), form, layers, classes ? 0 : 10, -1);
  }

  private static SchedulerConfig scheduler(
      BetaSchedule schedule, VarianceType variance, PredictionType prediction) {
    String json =
        ("{\"beta_schedule\": \"%s\", \"variance_type\": \"%s\", \"prediction_type\": \"%s\","
                + " \"timestep_spacing\": \"leading\"}")
            .formatted(
                schedule.name().toLowerCase(java.util.Locale.ROOT),
                variance.configName(),
                prediction.configName());
    return SchedulerConfig.fromJson(java.nio.file.Path.of("scheduler_config.json"), json);
  }
}
