package io.github.ddpm4j.cli;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Sampler;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Function;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress bars, on standard error. */
final class Progress {
  private static final int REFRESH_MILLIS = 500;

  private Progress() {}

  /**
   * A bar that counts in thousandths of images, so that it moves within a batch, and shows images,
   * speed and time left; short enough for a loss to fit beside it in 80 columns.
   *
   * @param done images that were done before, in a run that is resumed
   * @param images in all
   */
  static ProgressBar images(String task, long done, long images) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .startsFrom(done * 1000, Duration.ZERO)
        .setInitialMax(images * 1000)
        .setUnit(" img", 1000)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(REFRESH_MILLIS)
        .showSpeed(new DecimalFormat("0.#", DecimalFormatSymbols.getInstance(Locale.ROOT)))
        .build();
  }

  /** Draws images from a model under a bar. */
  static Images sample(DiffusionModel model, Sampler sampler, int count, long seed) {
    return sample(model.schedule(), sampler, count, seed, model::sample);
  }

  /** Draws images from any predictor on a device under a bar. */
  static Images sample(
      NoisePredictor predictor,
      NoiseSchedule schedule,
      Shape image,
      Sampler sampler,
      int count,
      long seed,
      Device device) {
    return sample(
        schedule,
        sampler,
        count,
        seed,
        options -> DiffusionModel.sample(predictor, schedule, image, options, device));
  }

  private static Images sample(
      NoiseSchedule schedule,
      Sampler sampler,
      int count,
      long seed,
      Function<SampleOptions, Images> draw) {
    int steps = sampler.timesteps(schedule).length;
    try (ProgressBar bar = images("Sampling", 0, count)) {
      double[] done = {0};
      return draw.apply(
          SampleOptions.count(count)
              .seed(seed)
              .sampler(sampler)
              .onStep(
                  (index, of, t, x, x0) -> {
                    done[0] += x.dim(0) * 1000.0 / steps;
                    bar.stepTo(Math.round(done[0]));
                  }));
    }
  }
}
