package io.github.ddpm4j.metrics.inception;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.ddpm4j.image.Images;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.InterpolateFuncOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.kBicubic;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResizeTest {
  /** Float32 sums of up to a few dozen bytes, of 127.5 to a unit. */
  private static final float ROUNDING = 3e-5f;

  private static Images bytes(int height, int width, int channels) {
    Random random = new Random(height * 31 + width);
    float[] pixels = new float[height * width * channels];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = random.nextInt(256) / 127.5f - 1;
    }
    return new Images(1, height, width, channels, pixels);
  }

  private static Tensor tensor(Images images) {
    float[] values = new float[images.pixels().length];
    byte[] bytes = images.bytes();
    for (int i = 0; i < values.length; i++) {
      values[i] = bytes[i] & 0xff;
    }
    return TorchInception.tensor(values, 1, images.height(), images.width(), images.channels())
        .permute(0, 3, 1, 2)
        .contiguous();
  }

  private static float[] values(Tensor pictures) {
    Tensor dense = pictures.permute(0, 2, 3, 1).contiguous();
    float[] values = new float[(int) dense.numel()];
    new FloatPointer(dense.data_ptr_float()).get(values);
    return values;
  }

  @ParameterizedTest
  @CsvSource({"32, 32, 67", "28, 20, 31", "70, 55, 40", "40, 40, 40"})
  void pytorchIsLibtorchsBilinear(int height, int width, int size) {
    Images images = bytes(height, width, 3);
    float[] expected =
        values(torch.upsample_bilinear2d(tensor(images), new long[] {size, size}, false));
    float[] actual = Resize.PYTORCH.apply(images, size);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo(expected[i] / 127.5f - 1, within(ROUNDING));
    }
  }

  @ParameterizedTest
  @CsvSource({"32, 32, 67", "28, 20, 31", "70, 55, 40", "40, 40, 40"})
  void cleanIsLibtorchsAntialiasedBicubic(int height, int width, int size) {
    // With antialiasing libtorch takes PIL's kernel and its way of cutting it at borders.
    Images images = bytes(height, width, 3);
    InterpolateFuncOptions options = new InterpolateFuncOptions();
    options.size().put(new LongVector(size, size));
    options.mode().put(new kBicubic());
    options.align_corners().put(false);
    options.antialias().put(true);
    float[] expected = values(torch.interpolate(tensor(images), options));
    float[] actual = Resize.CLEAN.apply(images, size);
    for (int i = 0; i < actual.length; i++) {
      float clipped = Math.max(0, Math.min(255, expected[i]));
      assertThat(actual[i]).isCloseTo(clipped / 128 - 1, within(ROUNDING));
    }
  }

  @Test
  void tensorflowPutsTheFirstPixelOnTheFirst() {
    float[] black = {-1, 1};
    Images images = new Images(1, 1, 2, 1, black);
    float[] row = Resize.TENSORFLOW.apply(images, 4);
    // 0 and 255: at 0, 1/2, 1 and beyond the last; three channels of each, four equal rows.
    for (int i = 0; i < row.length; i++) {
      float expected = new float[] {0, 127.5f, 255, 255}[i / 3 % 4];
      assertThat(row[i]).isEqualTo(expected / 128 - 1);
    }
    assertThat(row).hasSize(48);
  }
}
