package io.github.ddpm4j.guide;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.process.ForwardProcess;
import io.github.ddpm4j.process.Noise;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/** The forward process q on one image x_0 (Ho et al., arXiv 2006.11239, section 2). */
public final class ForwardPictures {
  private static final int ROWS = 5;
  private static final int SAMPLES = 4;
  private static final int CELL = 128;
  private static final int LARGE_CELL = 256;
  private static final String[] COLUMNS = {"mean", "sample 1", "sample 2", "sample 3", "sample 4"};

  private ForwardPictures() {}

  /** Timesteps of the rows: 0, T/5, 2T/5, ... */
  static int[] timesteps(NoiseSchedule schedule) {
    int[] t = new int[ROWS];
    for (int row = 0; row < ROWS; row++) {
      t[row] = row * schedule.steps() / ROWS;
    }
    return t;
  }

  static String[] labels(int[] timesteps) {
    String[] labels = new String[timesteps.length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = "t = " + timesteps[i];
    }
    return labels;
  }

  /**
   * q(x_t|x_0), eq. 4, for five timesteps in rows: the mean √ᾱ_t x_0 and four samples.
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   */
  public static BufferedImage jumps(Images x0, NoiseSchedule schedule, Noise noise) {
    ForwardProcess forward = new ForwardProcess(schedule);
    Sheet sheet = new Sheet(x0);
    for (int t : timesteps(schedule)) {
      try (Scope scope = Scope.open(Device.cpu())) {
        Tensor images = sheet.tensor(scope, SAMPLES);
        sheet.add(PointwiseOps.scale(images.slice(0, 1), (float) schedule.signal(t)));
        Tensor epsilon = noise.fill(scope.allocate(images.shape()), t);
        sheet.add(forward.jump(images, epsilon, t));
      }
    }
    return sheet
        .panels(CELL)
        .title("q(x\u209c | x\u2080): noise of t + 1 steps at once")
        .columns(COLUMNS)
        .rows(labels(timesteps(schedule)))
        .draw();
  }

  /**
   * q(x_t|x_{t-1}), eq. 2, for five timesteps in rows: the mean √(1-β_t) x_{t-1} and four samples,
   * all from one x_{t-1}, which is a sample of q(x_{t-1}|x_0).
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   */
  public static BufferedImage steps(Images x0, NoiseSchedule schedule, Noise noise) {
    ForwardProcess forward = new ForwardProcess(schedule);
    Sheet sheet = new Sheet(x0);
    for (int t : timesteps(schedule)) {
      try (Scope scope = Scope.open(Device.cpu())) {
        Tensor image = sheet.tensor(scope, 1);
        Tensor before = noise.fill(scope.allocate(image.shape()), t);
        Tensor previous = t == 0 ? image : forward.jump(image, before, t - 1);
        sheet.add(PointwiseOps.scale(previous, (float) Math.sqrt(schedule.alpha(t))));
        Tensor copies = Sheet.repeat(previous, SAMPLES);
        Tensor epsilon = noise.fill(scope.allocate(copies.shape()), schedule.steps() + t);
        sheet.add(forward.step(copies, epsilon, t));
      }
    }
    return sheet
        .panels(CELL)
        .title("q(x\u209c | x\u209c\u208b\u2081): noise of one step")
        .columns(COLUMNS)
        .rows(labels(timesteps(schedule)))
        .draw();
  }

  /**
   * x_0, x_t and the noise ε between them.
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   * @param t timestep, from 0
   */
  public static BufferedImage noise(Images x0, NoiseSchedule schedule, Noise noise, int t) {
    Sheet sheet = new Sheet(x0);
    try (Scope scope = Scope.open(Device.cpu())) {
      Tensor image = sheet.tensor(scope, 1);
      Tensor epsilon = noise.fill(scope.allocate(image.shape()), t);
      sheet.add(image);
      sheet.add(new ForwardProcess(schedule).jump(image, epsilon, t));
      sheet.add(epsilon);
    }
    return sheet
        .panels(LARGE_CELL)
        .columns("x\u2080", "x\u209c at t = " + t, "\u03b5, cut at \u00b11")
        .draw();
  }

  /**
   * Noise schedules in rows: β_t over the timesteps, and samples of q(x_t|x_0) from one ε.
   *
   * @param x0 one image with 1 or 3 channels, pixels in [-1, 1]
   * @param steps number of timesteps T of each schedule
   */
  public static BufferedImage schedules(Images x0, int steps, Noise noise) {
    List<BufferedImage> rows = new ArrayList<>();
    List<SchedulePlot.Named> schedules = SchedulePlot.all(steps);
    for (SchedulePlot.Named named : schedules) {
      NoiseSchedule schedule = named.schedule();
      int[] timesteps = timesteps(schedule);
      Sheet sheet = new Sheet(x0);
      String[] captions = new String[ROWS];
      try (Scope scope = Scope.open(Device.cpu())) {
        Tensor image = sheet.tensor(scope, 1);
        Tensor epsilon = noise.fill(scope.allocate(image.shape()), 0);
        for (int i = 0; i < ROWS; i++) {
          int t = timesteps[i];
          sheet.add(new ForwardProcess(schedule).jump(image, epsilon, t));
          captions[i] = SchedulePlot.caption(schedule, t);
        }
      }
      BufferedImage samples = sheet.panels(CELL).columns(captions).draw();
      rows.add(SchedulePlot.beside(named, samples));
    }
    return Panels.of(rows).draw();
  }
}
