package io.github.ddpm4j.guide;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Gif;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.DigitClassifier;
import io.github.ddpm4j.metrics.SampleReport;
import io.github.ddpm4j.sampler.Sampler;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a trained model draws, and how it gets there. */
public final class ModelPictures {
  private static final int SAMPLES = 64;
  private static final int SAMPLE_COLUMNS = 8;
  private static final int ROWS = 3;
  private static final int FRAMES = 8;
  private static final int CELL = 84;
  private static final int[] STEPS = {5, 10, 20, 50};

  private static final int ANIMATED = 10;
  private static final int ANIMATED_COLUMNS = 5;
  private static final int ANIMATION_FRAMES = 15;
  private static final int FRAME_MILLIS = 150;
  private static final int LAST_MILLIS = 2500;

  /** Fewer shades than a byte has: noise takes half the room in a file. */
  private static final int SHADES = 16;

  private ModelPictures() {}

  /** 64 samples in 8 rows, from the model's default sampler. */
  public static BufferedImage samples(DiffusionModel model, long seed) {
    Images samples = model.sample(SampleOptions.count(SAMPLES).seed(seed));
    return Panels.of(samples, Panels.scale(samples, CELL))
        .title(SAMPLES + " samples, " + steps(model, model.defaultSampler()))
        .columns(blank(SAMPLE_COLUMNS))
        .draw();
  }

  /**
   * The reverse process of three samples over all timesteps (Ho et al., arXiv 2006.11239, algorithm
   * 2): x_t, and below each the x̂_0 that the network takes it for.
   */
  public static BufferedImage reverse(DiffusionModel model, long seed) {
    Frames frames = new Frames(FRAMES);
    Sampler sampler = model.ddpm(model.schedule().steps());
    model.sample(SampleOptions.count(ROWS).seed(seed).sampler(sampler).onStep(frames));
    List<BufferedImage> cells = new ArrayList<>();
    String[] rows = new String[2 * ROWS];
    for (int image = 0; image < ROWS; image++) {
      rows[2 * image] = "x\u209c";
      rows[2 * image + 1] = "predicted\nx\u2080";
      for (Images row : List.of(frames.xt(image), frames.x0(image))) {
        for (int i = 0; i < row.count(); i++) {
          cells.add(row.slice(i, 1).grid(1, Panels.scale(row, CELL)));
        }
      }
    }
    return Panels.of(cells)
        .title("Reverse process of the model, " + steps(model, sampler))
        .columns(frames.labels())
        .rows(rows)
        .draw();
  }

  /** Samples on their way from noise, for {@link Gif#write}: the last frame stays longest. */
  public static List<Gif.Frame> animation(DiffusionModel model, long seed) {
    Frames frames = new Frames(ANIMATION_FRAMES);
    Sampler sampler = model.defaultSampler();
    model.sample(SampleOptions.count(ANIMATED).batch(ANIMATED).seed(seed).onStep(frames));
    List<Gif.Frame> animation = new ArrayList<>();
    for (int i = 0; i < frames.steps().size(); i++) {
      Images images = frames.steps().get(i);
      BufferedImage picture =
          Panels.of(images, Panels.scale(images, CELL))
              .title(steps(model, sampler) + ", " + frames.labels()[i])
              .columns(blank(ANIMATED_COLUMNS))
              .draw();
      boolean last = i == frames.steps().size() - 1;
      animation.add(
          new Gif.Frame(
              images.channels() == 1 ? fewShades(picture) : picture,
              last ? LAST_MILLIS : FRAME_MILLIS));
    }
    return animation;
  }

  /**
   * How samples of DDIM with few and many steps compare with real digits, by the bundled
   * classifier: Fréchet distance of its features to the test set's, and share of sure verdicts.
   *
   * @param model of digits, 28×28 with one channel
   * @param test MNIST's test images
   * @param count of samples, at least 2; the fewer, the larger the distance
   */
  public static BufferedImage quality(
      DiffusionModel model, ImageDataset test, int count, long seed) {
    SampleReport.requireEnough(count, test);
    Map<String, SampleReport.Figures> figures = new LinkedHashMap<>();
    try (DigitClassifier classifier = DigitClassifier.pretrained()) {
      SampleReport.Figures real = null;
      for (int steps : STEPS) {
        Images samples =
            model.sample(SampleOptions.count(count).seed(seed).sampler(model.ddim(steps)));
        SampleReport report = SampleReport.of(classifier, samples, test);
        figures.put(steps + " steps", report.samples());
        real = report.real();
      }
      figures.put("real digits", real);
    }
    return QualityPlot.draw(figures, count);
  }

  private static String steps(DiffusionModel model, Sampler sampler) {
    int steps = sampler.timesteps(model.schedule()).length;
    return sampler.getClass().getSimpleName().toUpperCase() + " with " + steps + " steps";
  }

  private static String[] blank(int columns) {
    String[] titles = new String[columns];
    Arrays.fill(titles, "");
    return titles;
  }

  /** A grey picture with a palette of a few shades, without dithering. */
  private static BufferedImage fewShades(BufferedImage picture) {
    byte[] palette = new byte[SHADES];
    for (int i = 0; i < SHADES; i++) {
      palette[i] = (byte) Math.round(i * 255f / (SHADES - 1));
    }
    BufferedImage indexed =
        new BufferedImage(
            picture.getWidth(),
            picture.getHeight(),
            BufferedImage.TYPE_BYTE_INDEXED,
            new IndexColorModel(8, SHADES, palette, palette, palette));
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        int shade = Math.round((picture.getRGB(x, y) & 0xff) * (SHADES - 1) / 255f);
        indexed.getRaster().setSample(x, y, 0, shade);
      }
    }
    return indexed;
  }
}
