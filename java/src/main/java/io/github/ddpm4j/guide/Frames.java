package io.github.ddpm4j.guide;

import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.sampler.StepListener;
import io.github.ddpm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Keeps images on their way through a sampler, after some of its steps. */
final class Frames implements StepListener {
  private final int wanted;
  private final List<Images> xt = new ArrayList<>();
  private final List<Images> x0 = new ArrayList<>();
  private final List<String> labels = new ArrayList<>();

  /**
   * @param wanted frames to keep, at least 2: from the first step to the last, evenly spread
   */
  Frames(int wanted) {
    this.wanted = wanted;
  }

  @Override
  public void onStep(int index, int steps, double t, Tensor x, Tensor predicted) {
    double stride = Math.max(1, (steps - 1.0) / (wanted - 1));
    if (index == Math.round(xt.size() * stride)) {
      xt.add(images(x));
      x0.add(images(predicted));
      labels.add("t = " + Math.round(t));
    }
  }

  private static Images images(Tensor x) {
    return new Images(x.dim(0), x.dim(1), x.dim(2), x.dim(3), x.toArray());
  }

  /** Timesteps of the frames. */
  String[] labels() {
    return labels.toArray(String[]::new);
  }

  /** The images of each frame. */
  List<Images> steps() {
    return xt;
  }

  /** An image at each frame, after the step. */
  Images xt(int image) {
    return image(xt, image);
  }

  /** What the step took for the finished image, at each frame. */
  Images x0(int image) {
    return image(x0, image);
  }

  private static Images image(List<Images> frames, int image) {
    Images first = frames.get(0);
    int size = first.pixels().length / first.count();
    float[] pixels = new float[frames.size() * size];
    for (int i = 0; i < frames.size(); i++) {
      System.arraycopy(frames.get(i).pixels(), image * size, pixels, i * size, size);
    }
    return new Images(frames.size(), first.height(), first.width(), first.channels(), pixels);
  }
}
