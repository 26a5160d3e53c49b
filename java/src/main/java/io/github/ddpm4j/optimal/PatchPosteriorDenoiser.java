package io.github.ddpm4j.optimal;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.optimal.PatchPosterior.Window;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The patch set posterior composite over square patches, PSPC-Square (Niedoba et al., "Towards a
 * Mechanistic Explanation of Diffusion Model Generalization", arXiv 2411.19339, eq. 9 to 11 and
 * section 5.1): each s×s patch of x_t within the image is denoised by the optimal denoiser over the
 * data set's patches of the same place, and a pixel of x̂_0 is the mean over all patches that cover
 * it, x̂_0 = (Σ_C C'C)⁻¹ Σ_C C' E[x_C | C x_t].
 *
 * <p>The paper lets s fall with t: {@code (xt, t) -> (t < 300 ? small : large).predict(xt, t)}.
 * There are N·(H-s+1)·(W-s+1) patches, of s²·C bytes and some more. May be used by several threads.
 */
public final class PatchPosteriorDenoiser implements NoisePredictor, AutoCloseable {
  private final List<PatchPosterior> patches;
  private final ImageDataset form;
  private final NoiseSchedule schedule;

  private PatchPosteriorDenoiser(
      List<PatchPosterior> patches, ImageDataset form, NoiseSchedule schedule) {
    this.patches = patches;
    this.form = form;
    this.schedule = schedule;
  }

  /**
   * The composite over a data set.
   *
   * @param patchSize s, at least 1, at most the images' height and width
   */
  public static PatchPosteriorDenoiser over(
      ImageDataset data, NoiseSchedule schedule, int patchSize) {
    if (patchSize < 1 || patchSize > Math.min(data.height(), data.width())) {
      throw new InvalidArgumentException(
          "patch size is "
              + patchSize
              + ", expected 1 to "
              + Math.min(data.height(), data.width()));
    }
    List<PatchPosterior> patches = new ArrayList<>();
    try {
      for (int y = 0; y <= data.height() - patchSize; y++) {
        for (int x = 0; x <= data.width() - patchSize; x++) {
          Window window = new Window(y, x, patchSize, patchSize);
          patches.add(PatchPosterior.over(data, schedule, List.of(window)));
        }
      }
    } catch (RuntimeException e) {
      patches.forEach(PatchPosterior::close);
      throw e;
    }
    return new PatchPosteriorDenoiser(patches, data.first(1), schedule);
  }

  public NoiseSchedule schedule() {
    return schedule;
  }

  /** Bytes of native memory that the patches take. */
  public long bytes() {
    return patches.stream().mapToLong(PatchPosterior::bytes).sum();
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
    double[] sums = new double[pixels.length];
    int[] covers = new int[form.imageSize()];
    for (PatchPosterior posterior : patches) {
      Window window = posterior.windows().get(0);
      add(posterior.means(xt, pixels, t), window, xt.dim(0), sums, covers);
    }
    float[] x0 = new float[pixels.length];
    for (int i = 0; i < x0.length; i++) {
      x0[i] = (float) (sums[i] / covers[i % covers.length]);
    }
    return xt.scope().tensor(xt.shape(), x0);
  }

  private void add(float[] means, Window window, int images, double[] sums, int[] covers) {
    int row = window.width() * form.channels();
    int from = 0;
    for (int n = 0; n < images; n++) {
      for (int y = 0; y < window.height(); y++) {
        int to = ((window.top() + y) * form.width() + window.left()) * form.channels();
        for (int i = 0; i < row; i++) {
          sums[n * form.imageSize() + to + i] += means[from++];
          if (n == 0) {
            covers[to + i]++;
          }
        }
      }
    }
  }

  @Override
  public void close() {
    patches.forEach(PatchPosterior::close);
  }
}
