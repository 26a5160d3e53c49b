package io.github.ddpm4j.sampler;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.ops.DiffusionOps.Term;
import io.github.ddpm4j.process.PredictionType;
import io.github.ddpm4j.process.PredictionType.Combination;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * In-painting by RePaint (Lugmayr et al., arXiv 2201.09865, algorithm 1): what is known of the
 * images is put back with fresh noise after every step, and steps are undone and taken again so
 * that the rest comes to fit it.
 *
 * <p>Steps and jumps as diffusers' {@code RePaintScheduler} does. Unless set, 250 steps of η = 0
 * jump back 10 steps, 9 times at every tenth step, with x̂_0 clipped to [-1, 1]. The images
 * returned are the known ones where the mask is 1. A step takes as many draws of noise as it needs,
 * in order. Immutable: each method returns a changed sampler.
 */
public final class RePaint extends SolverSampler {
  /**
   * @param length steps of a jump back
   * @param samples how often the steps between jumps are taken
   */
  private record Jumps(int length, int samples) {}

  private final Images image;
  private final Images mask;
  private final int steps;
  private final Jumps jumps;
  private final double eta;
  private final Clipping clipping;

  private RePaint(
      Images image, Images mask, int steps, Jumps jumps, double eta, Clipping clipping) {
    this.image = image;
    this.mask = mask;
    this.steps = steps;
    this.jumps = jumps;
    this.eta = eta;
    this.clipping = clipping;
  }

  /**
   * In-painting of pictures.
   *
   * @param image what is known, pixels in [-1, 1]: one picture for all, or one for each that is
   *     sampled together
   * @param mask 1 where the image is to be kept, 0 where it is to be painted; of the image's size,
   *     with one channel or as many as the image, and one mask or one for each image
   */
  public static RePaint of(Images image, Images mask) {
    if (mask.height() != image.height()
        || mask.width() != image.width()
        || mask.channels() != 1 && mask.channels() != image.channels()
        || mask.count() != 1 && mask.count() != image.count()) {
      throw new InvalidArgumentException(
          "mask is " + size(mask) + ", expected it to fit the image, " + size(image));
    }
    return new RePaint(image, mask, 250, new Jumps(10, 10), 0, Clipping.UNIT);
  }

  private static String size(Images images) {
    return "["
        + images.count()
        + ","
        + images.height()
        + ","
        + images.width()
        + ","
        + images.channels()
        + "]";
  }

  /**
   * {@code num_inference_steps} in diffusers.
   *
   * @param n from 1 to the schedule's number of timesteps
   */
  public RePaint steps(int n) {
    Timesteps.spaced(n);
    return new RePaint(image, mask, n, jumps, eta, clipping);
  }

  /**
   * Jumps back; {@code jump_length} and {@code jump_n_sample} in diffusers.
   *
   * @param length steps of a jump, at least 1
   * @param samples how often the steps between jumps are taken; 1 for no jumps
   */
  public RePaint jumps(int length, int samples) {
    if (length < 1 || samples < 1) {
      throw new InvalidArgumentException(
          "jumps are of length "
              + length
              + " with "
              + samples
              + " samples, expected at least 1 each");
    }
    return new RePaint(image, mask, steps, new Jumps(length, samples), eta, clipping);
  }

  /**
   * Amount of noise in the painted part: 0 for DDIM, 1 for DDPM.
   *
   * @param eta η, in [0, 1]
   */
  public RePaint eta(double eta) {
    if (!(eta >= 0 && eta <= 1)) {
      throw new InvalidArgumentException("eta is " + eta + ", expected 0 to 1");
    }
    return new RePaint(image, mask, steps, jumps, eta, clipping);
  }

  /** Leaves x̂_0 as predicted. */
  public RePaint noClip() {
    return new RePaint(image, mask, steps, jumps, eta, Clipping.NONE);
  }

  /**
   * Not possible: jumps would lead back to what was left out.
   *
   * @throws InvalidArgumentException unless levels is 0
   */
  @Override
  public RePaint skipping(int levels) {
    if (levels != 0) {
      throw new InvalidArgumentException(
          "levels to skip are " + levels + ", expected 0: in-painting starts from noise");
    }
    return this;
  }

  @Override
  Solver solver(NoiseSchedule schedule, PredictionType prediction) {
    int[] levels = Timesteps.spaced(steps).of(schedule);
    return new Run(schedule, prediction, schedule.steps() / levels.length);
  }

  private final class Run extends Solver {
    private final NoiseSchedule schedule;
    private final PredictionType prediction;
    private final int stride;
    private final double[] t;

    /** How many steps are undone after each call. */
    private final int[] undone;

    /** Draws of noise taken. */
    private int draws;

    private float[] known;
    private float[] kept;

    Run(NoiseSchedule schedule, PredictionType prediction, int stride) {
      this.schedule = schedule;
      this.prediction = prediction;
      this.stride = stride;
      int[] left = new int[steps];
      for (int level = 0; level < steps - jumps.length; level += jumps.length) {
        left[level] = jumps.samples - 1;
      }
      List<Integer> calls = new ArrayList<>();
      List<Integer> back = new ArrayList<>();
      for (int level = steps - 1; level >= 0; level--) {
        calls.add(level);
        boolean jump = left[level] > 0;
        back.add(jump ? jumps.length : 0);
        if (jump) {
          left[level]--;
          level += jumps.length;
        }
      }
      t = calls.stream().mapToDouble(level -> (double) level * stride).toArray();
      undone = back.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    double[] timesteps() {
      return t;
    }

    @Override
    void step(Step step) {
      int from = (int) t[step.call()];
      double alphaBar = schedule.alphaBar(from);
      double next = schedule.alphaBar(Math.max(from - stride, -1));
      double sigma = eta * Math.sqrt((1 - next) / (1 - alphaBar) * (1 - alphaBar / next));
      Tensor x = step.x();
      Tensor x0 = step.x0OrMemory();
      Tensor z = step.noise(++draws);
      clipping.predict(x, step.output(), prediction.x0(alphaBar), x0);
      Combination epsilon = prediction.epsilon(alphaBar);
      double direction = Math.sqrt(Math.max(0, 1 - next - sigma * sigma));
      DiffusionOps.linearCombination(
          x,
          new Term(Math.sqrt(next), x0),
          new Term(direction * epsilon.fromXt(), x),
          new Term(direction * epsilon.fromOutput(), step.output()),
          new Term(from == 0 ? 0 : sigma, z));
      keep(x, z, next);
      for (int i = 0; i < undone[step.call()]; i++) {
        undo(step, from + i * stride, z);
      }
    }

    /** Puts the known part back, with the noise of its level. */
    private void keep(Tensor x, Tensor z, double alphaBar) {
      if (known == null) {
        known = expand(image, x);
        kept = expand(mask, x);
      }
      float[] values = x.toArray();
      float[] noise = z.toArray();
      double signal = Math.sqrt(alphaBar);
      double sigma = Math.sqrt(1 - alphaBar);
      for (int i = 0; i < values.length; i++) {
        double part = signal * known[i] + sigma * noise[i];
        values[i] = (float) (kept[i] * part + (1 - kept[i]) * values[i]);
      }
      x.copyFrom(values);
    }

    /** The forward process over one step, from the timestep on as in diffusers. */
    private void undo(Step step, int from, Tensor z) {
      Tensor x = step.x();
      for (int t = from; t < from + stride; t++) {
        step.source().fill(z, ++draws);
        DiffusionOps.linearCombination(
            x, new Term(Math.sqrt(schedule.alpha(t)), x), new Term(Math.sqrt(schedule.beta(t)), z));
      }
    }
  }

  /** Pictures in x's order, one for all or one for each, of one channel or all. */
  private static float[] expand(Images images, Tensor x) {
    int pixels = x.dim(1) * x.dim(2);
    int channels = x.dim(3);
    if (images.height() != x.dim(1)
        || images.width() != x.dim(2)
        || images.channels() != 1 && images.channels() != channels
        || images.count() != 1 && images.count() != x.dim(0)) {
      throw new InvalidArgumentException(
          "image or mask is " + size(images) + ", expected it to fit the sampled " + x.shape());
    }
    float[] given = images.pixels();
    float[] out = new float[Math.toIntExact(x.count())];
    for (int i = 0; i < out.length; i++) {
      int n = images.count() == 1 ? 0 : i / channels / pixels;
      int pixel = n * pixels + i / channels % pixels;
      out[i] = given[images.channels() == 1 ? pixel : pixel * channels + i % channels];
    }
    return out;
  }
}
