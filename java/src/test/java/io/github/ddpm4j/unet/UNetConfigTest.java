package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.unet.UNetConfig.ClassEmbedType;
import io.github.ddpm4j.unet.UNetConfig.Resampling;
import io.github.ddpm4j.unet.UNetConfig.TimeScaleShift;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Configurations as JSON, and the networks of known size. */
class UNetConfigTest {
  private static final String CIFAR =
      """
      {"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "silu", "attention_head_dim": null,
       "block_out_channels": [128, 256, 256, 256], "center_input_sample": false,
       "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"], "downsample_padding": 0,
       "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1,
       "norm_eps": 1e-06, "norm_num_groups": 32, "out_channels": 3, "sample_size": 32,
       "time_embedding_type": "positional",
       "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]}
      """;

  @Test
  void cifarNetworkHasTheKnownSize() {
    try (UNet unet = UNet.create(UNetConfig.fromJson(CIFAR), Device.cpu(), 0)) {
      assertThat(unet.parameters().count()).isEqualTo(35_746_307);
      assertThat(unet.parameters().list()).hasSize(328);
      assertThat(unet.macs(32, 32) / 1e6).isCloseTo(6221.9, offset(0.05));
      assertThat(unet.summary(32, 32).stream().mapToLong(LayerSummary::parameters).sum())
          .isEqualTo(unet.parameters().count());
    }
  }

  @Test
  void mnistNetworkHasTheKnownSize() {
    try (UNet unet = UNet.create(TestConfigs.mnist().build(), Device.cpu(), 0)) {
      assertThat(unet.parameters().count()).isEqualTo(3_939_393);
      assertThat(2 * unet.macs(32, 32) / 1_000_000).isEqualTo(1_078);
    }
  }

  @Test
  void missingKeysTakeTheDefaultsOfDiffusers() {
    assertThat(UNetConfig.fromJson("{}")).isEqualTo(UNetConfig.builder().build());
  }

  @Test
  void missingHeadDimIsEightChannelsAndNullIsOneHead() {
    assertThat(UNetConfig.fromJson("{}").heads(224)).isEqualTo(28);
    assertThat(UNetConfig.fromJson("{\"attention_head_dim\": null}").heads(224)).isEqualTo(1);
  }

  @Test
  void jsonKeepsEverything() {
    UNetConfig config =
        TestConfigs.tiny()
            .sampleSize(16)
            .inChannels(1)
            .outChannels(2)
            .centerInputSample(true)
            .freqShift(1)
            .flipSinToCos(false)
            .downBlockTypes(BlockType.RESNET, BlockType.ATTENTION, BlockType.PLAIN)
            .upBlockTypes(BlockType.PLAIN, BlockType.RESNET, BlockType.ATTENTION)
            .layersPerBlock(3)
            .midBlockScaleFactor(1.5)
            .downsamplePadding(0)
            .downsampleType(Resampling.RESNET)
            .upsampleType(Resampling.RESNET)
            .dropout(0.25)
            .attentionHeadDim(null)
            .attnNormNumGroups(4)
            .normEps(1e-6)
            .resnetTimeScaleShift(TimeScaleShift.SCALE_SHIFT)
            .addAttention(false)
            .classEmbedType(ClassEmbedType.TIMESTEP)
            .numClassEmbeds(10)
            .build();
    assertThat(UNetConfig.fromJson(config.toJson())).isEqualTo(config);
    UNetConfig defaults = UNetConfig.builder().build();
    assertThat(UNetConfig.fromJson(defaults.toJson())).isEqualTo(defaults);
  }

  @Test
  void dualPathJsonKeepsEverything() {
    DualPathUNetConfig config = TestConfigs.tinyDualPath();
    assertThat(DualPathUNetConfig.fromJson(config.toJson())).isEqualTo(config);
    assertThat(NetworkConfig.fromJson(Path.of("config.json"), config.toJson())).isEqualTo(config);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          act_fn                  | "gelu"                  | silu, swish
          time_embedding_type     | "fourier"               | positional
          resnet_time_scale_shift | "spatial"               | default, scale_shift
          down_block_types        | ["SkipDownBlock2D"]     | DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D
          up_block_types          | ["AttnSkipUpBlock2D"]   | UpBlock2D, AttnUpBlock2D, ResnetUpsampleBlock2D
          mid_block_type          | null                    | UNetMidBlock2D
          class_embed_type        | "projection"            | timestep, identity, null
          downsample_type         | "pool"                  | conv, resnet, null
          _class_name             | "UNet2DConditionModel"  | UNet2DModel
          cross_attention_dim     | 768                     | null
          attention_legacy_order  | true                    | false
          layers_per_block        | [2, 2, 2, 2]            | a whole number
          norm_num_groups         | null                    | a whole number
          dropout                 | "0.1"                   | a number
          sample_size             | [32, 64, 3]             | a number, or two
          """)
  void whatCannotBeHonouredIsRefusedByName(String key, String value, String supported) {
    assertThatThrownBy(() -> UNetConfig.fromJson("{\"" + key + "\": " + value + "}"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining(key)
        .hasMessageContaining(supported);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          block_out_channels    | [1073741824, 448, 672, 896] | numbers to 65536
          block_out_channels    | [100, 448, 672, 896] | divisible by norm_num_groups 32
          block_out_channels    | [32, 64]             | as many as block_out_channels
          attention_head_dim    | 449                  | 1 to the 448 channels of level 1
          attention_head_dim    | 0                    | 1 to the 448 channels of level 1
          sample_size           | [32, 0]              | two numbers from 1
          freq_shift            | -1                   | at least 0
          downsample_padding    | 2                    | 0 or 1
          layers_per_block      | 0                    | 1 to 256
          layers_per_block      | 65536                | 1 to 256
          attn_norm_num_groups  | 5                    | a divisor
          dropout               | 1                    | dropout < 1
          norm_eps              | 0                    | norm_eps
          num_class_embeds      | 0                    | at least 1
          mid_block_scale_factor| 0                    | positive
          freq_shift            | 112                  | freq_shift 112
          """)
  void whatDoesNotFitTogetherIsRefusedByName(String key, String value, String supported) {
    assertThatThrownBy(() -> UNetConfig.fromJson("{\"" + key + "\": " + value + "}"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(supported);
  }

  @Test
  void harmlessKeysAreAccepted() {
    UNetConfig.fromJson(
        "{\"_name_or_path\": \"x\", \"act_fn\": \"swish\", \"dual_cross_attention\": false, \"encoder_hid_dim\": null,"
            + " \"sample_size\": [32, 32], \"num_train_timesteps\": 1000}");
    UNetConfig.fromJson(
        "{\"decay\": 0.9999, \"inv_gamma\": 1.0, \"min_decay\": 0.0, \"optimization_step\": 500, \"power\": 0.75,"
            + " \"update_after_step\": 0, \"use_ema_warmup\": true}");
  }

  @Test
  void sizesMayDiffer() {
    UNetConfig config = UNetConfig.fromJson("{\"sample_size\": [32, 64]}");
    assertThat(config.sampleHeight()).isEqualTo(32);
    assertThat(config.sampleWidth()).isEqualTo(64);
    assertThat(UNetConfig.fromJson(config.toJson())).isEqualTo(config);
  }

  @Test
  void longNamesOfBlocksAreRead() {
    String types = "[\"%sDownBlock2D\", \"%sAttnDownBlock2D\"]".formatted("UNetRes", "UNetRes");
    UNetConfig config =
        UNetConfig.fromJson(
            "{\"block_out_channels\": [32, 32], \"down_block_types\": "
                + types
                + ", \"up_block_types\": "
                + types.replace("Down", "Up")
                + "}");
    assertThat(config.downBlockTypes()).containsExactly(BlockType.PLAIN, BlockType.ATTENTION);
    assertThat(config.upBlockTypes()).containsExactly(BlockType.PLAIN, BlockType.ATTENTION);
  }

  @Test
  void textThatIsNoObjectIsRefused() {
    for (String json : new String[] {"", "[]", "{\"act_fn\": ", "3"}) {
      assertThatThrownBy(() -> UNetConfig.fromJson(json)).isInstanceOf(CheckpointException.class);
    }
  }

  @Test
  void dualPathChannelsMustMeet() {
    assertThatThrownBy(() -> DualPathUNetConfig.builder().upChannels(256, 128, 32, 16).build())
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("up_channels")
        .hasMessageContaining("entry 2");
  }

  @Test
  void networkThatIsTooLargeIsRefused() {
    UNetConfig config = UNetConfig.builder().blockOutChannels(4096, 8192, 16384, 32768).build();
    assertThatThrownBy(() -> UNet.create(config, Device.cpu(), 0))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("parameters");
  }
}
