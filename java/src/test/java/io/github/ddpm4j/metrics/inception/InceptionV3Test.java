package io.github.ddpm4j.metrics.inception;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.FeatureExtractor;
import io.github.ddpm4j.metrics.inception.InceptionV3.Variant;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The network beside libtorch's, with the same random weights. */
class InceptionV3Test {
  @TempDir Path folder;

  private static float[] values(org.bytedeco.pytorch.Tensor pictures) {
    org.bytedeco.pytorch.Tensor dense =
        (pictures.dim() == 4 ? pictures.permute(0, 2, 3, 1) : pictures).contiguous();
    float[] values = new float[(int) dense.numel()];
    new FloatPointer(dense.data_ptr_float()).get(values);
    return values;
  }

  private static float[] noise(int count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = 2 * random.nextFloat() - 1;
    }
    return values;
  }

  private Path save(Map<String, Safetensors.Array> arrays, String name) {
    Path file = folder.resolve(name);
    Safetensors.write(file, arrays, Map.of());
    return file;
  }

  private static InceptionV3 load(Path file, Variant variant) {
    return InceptionV3.load(file, variant, Resize.PYTORCH, Device.cpu());
  }

  @ParameterizedTest
  @CsvSource({"FID, 107, 91", "TORCHVISION, 80, 100"})
  void isLibtorchsLayerByLayer(Variant variant, int height, int width) {
    float[] pixels = noise(2 * height * width * 3, 1);
    TorchInception torch = new TorchInception(variant, 2);
    torch.forward(
        TorchInception.tensor(pixels, 2, height, width, 3).permute(0, 3, 1, 2).contiguous());
    Map<String, Safetensors.Array> arrays = new LinkedHashMap<>(torch.arrays());
    // What files have beside.
    Safetensors.Array one = new Safetensors.Array(Shape.of(1), new float[] {1});
    arrays.put("Conv2d_1a_3x3.bn.num_batches_tracked", one);
    arrays.put("AuxLogits.fc.bias", one);
    List<String> seen = new ArrayList<>();
    try (InceptionV3 network = load(save(arrays, "weights.safetensors"), variant);
        Scope scope = Scope.open(Device.cpu())) {
      Tensor x = scope.tensor(Shape.of(2, height, width, 3), pixels);
      Tensor features =
          network.features(
              x,
              (name, output) -> {
                assertClose(name, output.toArray(), values(torch.layers().get(name)));
                seen.add(name);
              });
      assertClose("features", features.toArray(), values(torch.layers().get("features")));
      float[] logits = network.logits(features).toArray();
      assertClose("logits", logits, values(torch.layers().get("logits")));
      assertThat(logits).hasSize(2 * network.classes());
    }
    seen.addAll(List.of("features", "logits"));
    assertThat(seen).containsExactlyElementsOf(torch.layers().keySet());
  }

  private static void assertClose(String layer, float[] actual, float[] expected) {
    assertThat(actual).as(layer).hasSameSizeAs(expected);
    double largest = 0;
    double error = 0;
    for (int i = 0; i < actual.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      error = Math.max(error, Math.abs(actual[i] - expected[i]));
    }
    assertThat(largest).as("largest of %s", layer).isGreaterThan(0.01);
    assertThat(error / largest).as("relative error of %s", layer).isLessThan(1e-4);
  }

  @Test
  void filesThatDoNotFitAreRefusedAndImagesJudgedAloneAsBesideOthers() {
    TorchInception torch = new TorchInception(Variant.FID, 3);
    torch.forward(TorchInception.tensor(noise(3 * 75 * 75, 1), 1, 3, 75, 75));
    Map<String, Safetensors.Array> arrays = torch.arrays();
    Path good = save(arrays, "good.safetensors");
    try (InceptionV3 network = load(good, Variant.FID)) {
      Images images = new Images(2, 32, 28, 3, noise(2 * 32 * 28 * 3, 4));
      FeatureExtractor.Features all = network.extract(images);
      FeatureExtractor.Features one = network.extract(images.slice(1, 1));
      assertThat(one.features()[0]).isEqualTo(all.features()[1]).hasSize(2048);
      assertThat(one.logits()[0]).isEqualTo(all.logits()[1]).hasSize(1008);
      assertThatThrownBy(() -> network.extract(new Images(1, 4, 4, 2, new float[32])))
          .isInstanceOf(InvalidArgumentException.class)
          .hasMessageContaining("1 or 3 channels");
    }
    assertRefused(good, Variant.TORCHVISION, "fc.weight: has shape [1008,2048], expected [1000");
    Safetensors.Array mean = arrays.remove("Mixed_6e.branch1x1.bn.running_mean");
    Path missing = save(arrays, "missing.safetensors");
    assertRefused(missing, Variant.FID, "Mixed_6e.branch1x1.bn.running_mean: is missing");
    arrays.put("Mixed_6e.branch1x1.bn.running_mean", mean);
    arrays.put("Mixed_8a.conv.weight", mean);
    assertRefused(save(arrays, "more.safetensors"), Variant.FID, "Mixed_8a.conv.weight");
  }

  private static void assertRefused(Path file, Variant variant, String reason) {
    assertThatThrownBy(() -> load(file, variant))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(reason);
  }
}
