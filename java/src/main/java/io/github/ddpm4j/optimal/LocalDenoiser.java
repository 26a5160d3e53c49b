package io.github.ddpm4j.optimal;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.optimal.PatchPosterior.Window;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The optimal denoisers of which a pixel sees only a patch around it, as in a network of
 * convolutions (Kamb and Ganguli, "An analytic theory of creativity in convolutional diffusion
 * models", arXiv 2412.20292). With Ω_x the P×P pixels around x that lie within the image, x̂_0(x) =
 * Σ φ(0) w(φ) over patches φ of the data set, φ(0) their pixel at x, w(φ) ∝ exp(-‖x_t|Ω_x - √ᾱ_t
 * φ‖² / (2(1-ᾱ_t))). Samples are mosaics of patches of the data set.
 *
 * <p>The local score machine ({@link #over}, eq. 7 and 8) takes the patches at x itself, the
 * equivariant local score machine ({@link #equivariant}, eq. 9 and 10, section 3.4) those at all
 * places that are cut by the image's borders in the same way, as zero padding tells a network.
 *
 * <p>The paper fits P to a network, from large to small as t falls: {@code (xt, t) -> (t < 300 ?
 * small : large).predict(xt, t)}. There are N·H·W patches, of P²·C bytes and some more. May be used
 * by several threads.
 */
public final class LocalDenoiser implements NoisePredictor, AutoCloseable {
  /** Pixels whose patches are comparable, and where each lies in its patch. */
  private record Group(PatchPosterior patches, int row, int column) {}

  /** How the borders cut a patch: its size, and the place of its pixel in it. */
  private record Cut(int height, int width, int row, int column) {}

  private final List<Group> groups;
  private final ImageDataset form;
  private final NoiseSchedule schedule;

  private LocalDenoiser(List<Group> groups, ImageDataset form, NoiseSchedule schedule) {
    this.groups = groups;
    this.form = form;
    this.schedule = schedule;
  }

  /**
   * The local score machine.
   *
   * @param patchSize P, odd
   */
  public static LocalDenoiser over(ImageDataset data, NoiseSchedule schedule, int patchSize) {
    return create(data, schedule, patchSize, false);
  }

  /**
   * The equivariant local score machine. Its cost grows with N·(H·W)² for an image: some hundred
   * images of a data set go a long way.
   *
   * @param patchSize P, odd
   */
  public static LocalDenoiser equivariant(
      ImageDataset data, NoiseSchedule schedule, int patchSize) {
    return create(data, schedule, patchSize, true);
  }

  private static LocalDenoiser create(
      ImageDataset data, NoiseSchedule schedule, int patchSize, boolean equivariant) {
    if (patchSize < 1 || patchSize % 2 == 0) {
      throw new InvalidArgumentException(
          "patch size is " + patchSize + ", expected an odd number of at least 1");
    }
    int radius = patchSize / 2;
    List<Group> groups = new ArrayList<>();
    Map<Cut, List<Window>> cuts = new LinkedHashMap<>();
    try {
      for (int y = 0; y < data.height(); y++) {
        for (int x = 0; x < data.width(); x++) {
          Window window = around(y, x, radius, data);
          Cut cut = new Cut(window.height(), window.width(), y - window.top(), x - window.left());
          if (equivariant) {
            cuts.computeIfAbsent(cut, key -> new ArrayList<>()).add(window);
          } else {
            groups.add(group(data, schedule, cut, List.of(window)));
          }
        }
      }
      cuts.forEach((cut, windows) -> groups.add(group(data, schedule, cut, windows)));
    } catch (RuntimeException e) {
      groups.forEach(group -> group.patches().close());
      throw e;
    }
    return new LocalDenoiser(groups, data.first(1), schedule);
  }

  private static Group group(
      ImageDataset data, NoiseSchedule schedule, Cut cut, List<Window> windows) {
    return new Group(PatchPosterior.over(data, schedule, windows), cut.row(), cut.column());
  }

  private static Window around(int y, int x, int radius, ImageDataset data) {
    int top = Math.max(0, y - radius);
    int left = Math.max(0, x - radius);
    int bottom = Math.min(data.height(), y + radius + 1);
    int right = Math.min(data.width(), x + radius + 1);
    return new Window(top, left, bottom - top, right - left);
  }

  public NoiseSchedule schedule() {
    return schedule;
  }

  /** Bytes of native memory that the patches take. */
  public long bytes() {
    return groups.stream().mapToLong(group -> group.patches().bytes()).sum();
  }

  /** ε. */
  @Override
  public Tensor predict(Tensor xt, double t) {
    return Epsilon.of(xt, x0(xt, t), schedule, t);
  }

  /** x̂_0. */
  public Tensor x0(Tensor xt, double t) {
    Epsilon.requireImages(xt, form.height(), form.width(), form.channels());
    float[] pixels = xt.toArray();
    float[] x0 = new float[pixels.length];
    int channels = form.channels();
    int size = form.imageSize();
    for (Group group : groups) {
      float[] means = group.patches().means(xt, pixels, t);
      int from = 0;
      for (int n = 0; n < xt.dim(0); n++) {
        for (Window window : group.patches().windows()) {
          int y = window.top() + group.row();
          int x = window.left() + group.column();
          System.arraycopy(
              means,
              from + (group.row() * window.width() + group.column()) * channels,
              x0,
              n * size + (y * form.width() + x) * channels,
              channels);
          from += window.height() * window.width() * channels;
        }
      }
    }
    return xt.scope().tensor(xt.shape(), x0);
  }

  @Override
  public void close() {
    groups.forEach(group -> group.patches().close());
  }
}
