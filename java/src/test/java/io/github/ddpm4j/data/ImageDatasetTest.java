package io.github.ddpm4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.InvalidArgumentException;
import org.junit.jupiter.api.Test;

class ImageDatasetTest {
  /** Bytes 0, 1, 2, ..., from 128 on negative as Java sees them. */
  private static ImageDataset counting(int count, int height, int width, int channels) {
    byte[] pixels = new byte[count * height * width * channels];
    byte[] labels = new byte[count];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) i;
    }
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (200 + i);
    }
    return new ImageDataset(count, height, width, channels, pixels, labels);
  }

  @Test
  void bytesBecomeValuesFromMinusOneToOneAndBack() {
    ImageDataset all = counting(1, 16, 16, 1);
    float[] values = all.images(0).pixels();
    assertThat(values[0]).isEqualTo(-1);
    assertThat(values[255]).isEqualTo(1);
    assertThat(values[51]).isEqualTo(51 / 127.5f - 1);
    assertThat(all.images(0).bytes()).isEqualTo(all.pixels());
  }

  @Test
  void aBatchHasTheImagesInTheGivenOrder() {
    ImageDataset all = counting(4, 2, 3, 3);
    byte[] bytes = all.images(3, 0, 3).bytes();
    assertThat(bytes).hasSize(3 * 18);
    assertThat(bytes).startsWith(54, 55, 56).endsWith(69, 70, 71);
    assertThat(bytes[18]).isEqualTo((byte) 0);
  }

  @Test
  void flippingMirrorsColumnsAndKeepsColours() {
    ImageDataset all = counting(2, 2, 3, 3);
    float[] out = new float[36];
    all.batch(new int[] {0, 1}, new boolean[] {true, false}, out);
    byte[] bytes = new io.github.ddpm4j.image.Images(2, 2, 3, 3, out).bytes();
    assertThat(java.util.Arrays.copyOf(bytes, 18))
        .containsExactly(6, 7, 8, 3, 4, 5, 0, 1, 2, 15, 16, 17, 12, 13, 14, 9, 10, 11);
    assertThat(bytes[18]).isEqualTo((byte) 18);
  }

  @Test
  void theFirstImagesAreADataSetOfTheirOwn() {
    ImageDataset first = counting(4, 2, 3, 1).first(2);
    assertThat(first.toString()).isEqualTo("ImageDataset[2,2,3,1]");
    assertThat(first.pixels()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    assertThat(first.label(1)).isEqualTo(201);
    assertThatThrownBy(() -> first.first(3))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("number of images is 3, expected 1 to 2");
  }

  @Test
  void aClassIsADataSetOfItsOwn() {
    ImageDataset all = counting(3, 1, 2, 1);
    ImageDataset one = all.ofClass(201);
    assertThat(one.toString()).isEqualTo("ImageDataset[1,1,2,1]");
    assertThat(one.pixels()).containsExactly(2, 3);
    assertThat(one.label(0)).isEqualTo(201);
    assertThatThrownBy(() -> all.ofClass(9))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("the data set has no image of class 9");
  }

  @Test
  void labelsAreUnsigned() {
    assertThat(counting(3, 1, 1, 1).label(2)).isEqualTo(202);
    ImageDataset unlabelled = new ImageDataset(1, 1, 1, 1, new byte[1], null);
    assertThat(unlabelled.hasLabels()).isFalse();
    assertThatThrownBy(() -> unlabelled.label(0)).isInstanceOf(InvalidArgumentException.class);
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> new ImageDataset(2, 2, 2, 1, new byte[7], null))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("7 pixel bytes given, expected 8");
    assertThatThrownBy(() -> new ImageDataset(2, 2, 2, 1, new byte[8], new byte[3]))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("3 labels");
    assertThatThrownBy(() -> new ImageDataset(0, 2, 2, 1, new byte[0], null))
        .isInstanceOf(InvalidArgumentException.class);
    ImageDataset all = counting(2, 2, 2, 1);
    assertThatThrownBy(() -> all.images(0, 2)).hasMessage("image is 2, expected 0 to 1");
    assertThatThrownBy(() -> all.label(-1)).isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> all.batch(new int[] {0}, new float[5]))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("5 values");
    assertThatThrownBy(() -> all.batch(new int[] {0}, new boolean[2], new float[4]))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
