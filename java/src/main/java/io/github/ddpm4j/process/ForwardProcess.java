package io.github.ddpm4j.process;

import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.ops.DiffusionOps;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;

/**
 * The forward process q, which turns images into noise step by step (Ho et al., arXiv 2006.11239,
 * eq. 2 and 4). The noise is the caller's, so it can be kept as the target of a training step.
 */
public final class ForwardProcess {
  private final NoiseSchedule schedule;

  public ForwardProcess(NoiseSchedule schedule) {
    this.schedule = schedule;
  }

  /**
   * One step, q(x_t|x_{t-1}): √(1-β_t) x_{t-1} + √β_t ε.
   *
   * @param previous x_{t-1}, [N,...]
   * @param noise standard normal ε, of the same shape
   * @param t timestep, from 0: step 0 turns x_0 into the first noisy image
   */
  public Tensor step(Tensor previous, Tensor noise, int t) {
    return combine(
        previous,
        noise,
        all(previous, t),
        s -> Math.sqrt(schedule.alpha(s)),
        s -> Math.sqrt(schedule.beta(s)));
  }

  /**
   * All steps up to t at once, q(x_t|x_0): √ᾱ_t x_0 + √(1-ᾱ_t) ε.
   *
   * @param x0 images, [N,...]
   * @param noise standard normal ε, of the same shape
   * @param t timestep, from 0; may lie between the schedule's
   */
  public Tensor jump(Tensor x0, Tensor noise, double t) {
    requireTimestep(t);
    return combine(x0, noise, all(x0, 0), s -> schedule.signal(t), s -> schedule.sigma(t));
  }

  /**
   * All steps up to t[n] at once, for each image n.
   *
   * @param x0 images, [N,...]
   * @param noise standard normal ε, of the same shape
   * @param t timesteps, N of them
   */
  public Tensor jump(Tensor x0, Tensor noise, int[] t) {
    return combine(x0, noise, t, schedule::signal, schedule::sigma);
  }

  /**
   * What a model of velocities is to predict (Salimans and Ho, arXiv 2202.00512, section 4): √ᾱ_t ε
   * - √(1-ᾱ_t) x_0.
   *
   * @param x0 images, [N,...]
   * @param noise the ε of x_t, of the same shape
   * @param t timesteps, N of them
   */
  public Tensor velocity(Tensor x0, Tensor noise, int[] t) {
    return combine(noise, x0, t, schedule::signal, step -> -schedule.sigma(step));
  }

  private static int[] all(Tensor x, int t) {
    int[] timesteps = new int[x.dim(0)];
    Arrays.fill(timesteps, t);
    return timesteps;
  }

  private Tensor combine(
      Tensor x, Tensor noise, int[] t, IntToDoubleFunction signal, IntToDoubleFunction sigma) {
    if (t.length != x.dim(0)) {
      throw new InvalidArgumentException(
          t.length + " timesteps given, expected one for each of the " + x.dim(0) + " images");
    }
    return DiffusionOps.qSample(x, noise, perImage(x, t, signal), perImage(x, t, sigma));
  }

  private Tensor perImage(Tensor x, int[] t, IntToDoubleFunction value) {
    float[] values = new float[t.length];
    for (int n = 0; n < t.length; n++) {
      requireTimestep(t[n]);
      values[n] = (float) value.applyAsDouble(t[n]);
    }
    return x.scope().tensor(Shape.of(t.length), values);
  }

  private static void requireTimestep(double t) {
    if (!(t >= 0)) {
      throw new InvalidArgumentException("timestep is " + t + ", expected at least 0");
    }
  }
}
