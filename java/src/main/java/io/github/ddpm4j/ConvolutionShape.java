package io.github.ddpm4j;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the cost of a 3x3 convolution with stride 1 depends on, but for the number of images.
 *
 * @param height height of the output; width likewise
 * @param depth channels that are summed over
 * @param columns channels of the output
 */
public record ConvolutionShape(int height, int width, int depth, int columns) {
  private static final Pattern TEXT =
      Pattern.compile("(\\d{1,9})x(\\d{1,9}) (\\d{1,9})->(\\d{1,9})");

  /**
   * @throws InvalidArgumentException if a size is below 1
   */
  public ConvolutionShape {
    if (height < 1 || width < 1 || depth < 1 || columns < 1) {
      throw new InvalidArgumentException(
          "a convolution of %dx%d outputs, %d to %d channels; expected sizes from 1"
              .formatted(height, width, depth, columns));
    }
  }

  /**
   * The shape of a text like {@code 32x32 128->256}, which {@link #toString} writes.
   *
   * @throws InvalidArgumentException for another text
   */
  public static ConvolutionShape parse(String text) {
    Matcher numbers = TEXT.matcher(text);
    if (!numbers.matches()) {
      throw new InvalidArgumentException(
          "convolution is '" + text + "', expected a shape as in 32x32 128->256");
    }
    int[] sizes = new int[4];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = Integer.parseInt(numbers.group(i + 1));
    }
    return new ConvolutionShape(sizes[0], sizes[1], sizes[2], sizes[3]);
  }

  /** As in {@code 32x32 128->256}. */
  @Override
  public String toString() {
    return height + "x" + width + " " + depth + "->" + columns;
  }
}
