package io.github.ddpm4j.serve;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.NearestImages;
import io.github.ddpm4j.sampler.Sampler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A run of a sampler, told as events: {@code start}, a {@code step} for each step, {@code done}
 * with the images, {@code nearest} with the training images nearest to them; {@code cancelled} or
 * {@code failed} where it ends early. Runs take turns, a step at a time.
 */
final class SamplingRun {
  /** Steps that are sent with pictures, at most about. */
  private static final int PICTURES = 100;

  private static final int NEAREST_AT_A_TIME = 16;

  private final Workbench workbench;
  private final Denoiser denoiser;
  private final Network scheduler;
  private final SampleOptions options;
  private final int steps;
  private final boolean nearest;
  private volatile boolean cancelled;

  private record Start(String run, int of) {}

  private record Step(int step, int of, double t, byte[] x, byte[] x0) {}

  private record Done(byte[] x) {}

  private record Neighbour(double distance, TrainingSet.Exhibit image) {}

  /** Reads what a request asks for. */
  SamplingRun(Workbench workbench, Fields fields) {
    this.workbench = workbench;
    denoiser = workbench.denoiser(fields);
    scheduler = workbench.scheduler(fields, denoiser);
    Sampler sampler = workbench.sampler(fields, scheduler);
    steps = sampler.timesteps(scheduler.model().schedule()).length;
    int most = Workbench.mostImages(denoiser.image());
    options =
        SampleOptions.count(fields.integer("count", Math.min(16, most), 1, most))
            .seed(fields.wholeNumber("seed", 0))
            .sampler(sampler);
    nearest = fields.bool("nearest", false);
    fields.finish();
  }

  /** Ends the run after the step it is in. */
  void cancel() {
    cancelled = true;
  }

  /**
   * Runs.
   *
   * @param id by which the client may cancel the run
   * @param turn held while computing, and offered to others after each step
   */
  void run(String id, ReentrantLock turn, EventStream events) {
    events.send("start", new Start(id, steps));
    try {
      Images images = sample(turn, events);
      events.send("done", new Done(images.bytes()));
      TrainingSet set = nearest ? workbench.trainingSet(denoiser.image()) : null;
      if (set != null) {
        events.send("nearest", nearest(set, images, turn));
      }
    } catch (CancellationException e) {
      events.send("cancelled", Map.of());
    } catch (DdpmException e) {
      events.send("failed", Map.of("error", e.getMessage()));
    }
  }

  private Images sample(ReentrantLock turn, EventStream events) {
    denoiser.predictor(scheduler.model().schedule());
    takeTurn(turn);
    try {
      return denoiser.sample(
          scheduler,
          options.onStep(
              (index, of, t, x, x0) -> {
                boolean shown = index % ((of - 1) / PICTURES + 1) == 0 || index == of - 1;
                Step step =
                    new Step(
                        index,
                        of,
                        t,
                        shown ? Pictures.bytes(x) : null,
                        shown ? Pictures.bytes(x0) : null);
                turn.unlock();
                try {
                  events.send("step", step);
                } finally {
                  turn.lock();
                }
                requireGoingOn();
              }));
    } finally {
      turn.unlock();
    }
  }

  private List<Neighbour> nearest(TrainingSet set, Images images, ReentrantLock turn) {
    List<Neighbour> all = new ArrayList<>();
    NearestImages search = set.load().nearest();
    for (int first = 0; first < images.count(); first += NEAREST_AT_A_TIME) {
      Images some = images.slice(first, Math.min(NEAREST_AT_A_TIME, images.count() - first));
      takeTurn(turn);
      try {
        for (NearestImages.Neighbour found : search.of(some)) {
          all.add(new Neighbour(found.distance(), set.exhibit(found.index())));
        }
      } finally {
        turn.unlock();
      }
    }
    return all;
  }

  private void takeTurn(ReentrantLock turn) {
    requireGoingOn();
    turn.lock();
  }

  private void requireGoingOn() {
    if (cancelled) {
      throw new CancellationException();
    }
  }
}
