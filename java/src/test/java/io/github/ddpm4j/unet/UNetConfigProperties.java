package io.github.ddpm4j.unet;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.UNetConfig.Resampling;
import io.github.ddpm4j.unet.UNetConfig.TimeScaleShift;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever configuration is valid can be built, run, and written. */
class UNetConfigProperties {
  @Property(tries = 40)
  void validConfigurationsBuildAndRun(@ForAll("configurations") UNetConfig config) {
    assertThat(UNetConfig.fromJson(config.toJson())).isEqualTo(config);
    try (UNet unet = UNet.create(config, Device.cpu(), 1);
        Scope scope = Scope.open(Device.cpu())) {
      int h = config.sizeMultiple();
      int w = 2 * config.sizeMultiple();
      float[] out = unet.predict(scope.zeros(Shape.of(2, h, w, config.inChannels())), 3).toArray();
      assertThat(out).hasSize(2 * h * w * config.outChannels());
      for (float value : out) {
        assertThat(Float.isFinite(value)).isTrue();
      }
      List<LayerSummary> summary = unet.summary(h, w);
      assertThat(summary.stream().mapToLong(LayerSummary::parameters).sum())
          .isEqualTo(unet.parameters().count());
      LayerSummary last = summary.get(summary.size() - 1);
      assertThat(List.of(last.height(), last.width(), last.channels()))
          .isEqualTo(List.of(h, w, config.outChannels()));
    }
  }

  @Provide
  Arbitrary<UNetConfig> configurations() {
    return Arbitraries.integers().between(1, 3).flatMap(UNetConfigProperties::ofLevels);
  }

  private static Arbitrary<UNetConfig> ofLevels(int levels) {
    Arbitrary<BlockType[]> types =
        Arbitraries.of(BlockType.class).array(BlockType[].class).ofSize(levels);
    Arbitrary<Integer> groups = Arbitraries.of(1, 2, 4);
    Arbitrary<int[]> widths = Arbitraries.of(1, 2, 3, 5).array(int[].class).ofSize(levels);
    Arbitrary<UNetConfig.Builder> shape =
        Combinators.combine(types, types, groups, widths)
            .as(
                (down, up, norm, multiples) ->
                    UNetConfig.builder()
                        .downBlockTypes(down)
                        .upBlockTypes(up)
                        .normNumGroups(norm)
                        .blockOutChannels(
                            java.util.Arrays.stream(multiples).map(width -> 4 * width).toArray()));
    Arbitrary<Integer> small = Arbitraries.integers().between(1, 3);
    Arbitrary<Boolean> flag = Arbitraries.of(true, false);
    return Combinators.combine(
            shape,
            small,
            small,
            small,
            Arbitraries.of(1, 2, 4).injectNull(0.3),
            flag,
            Arbitraries.of(TimeScaleShift.class),
            Arbitraries.of(Resampling.class))
        .as(
            (builder, layers, in, out, headDim, attention, time, resampling) ->
                builder
                    .layersPerBlock(layers)
                    .inChannels(in)
                    .outChannels(out)
                    .attentionHeadDim(headDim)
                    .addAttention(attention)
                    .resnetTimeScaleShift(time)
                    .downsampleType(resampling)
                    .upsampleType(resampling)
                    .build());
  }
}
