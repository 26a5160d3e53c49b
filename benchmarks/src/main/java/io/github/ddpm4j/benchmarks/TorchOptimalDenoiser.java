package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.schedule.NoiseSchedule;
import io.github.ddpm4j.tensor.Tensor;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.global.torch;

/**
 * The optimal denoiser in libtorch, in its fastest float32 form: softmax((√ᾱ q X' - ᾱ ‖x‖²/2) /
 * (1-ᾱ)) X, the data set as floats; ‖q‖² falls out of the softmax.
 */
final class TorchOptimalDenoiser implements NoisePredictor {
  private final NoiseSchedule schedule;
  private final org.bytedeco.pytorch.Tensor images;
  private final org.bytedeco.pytorch.Tensor transposed;
  private final org.bytedeco.pytorch.Tensor squares;

  TorchOptimalDenoiser(ImageDataset data, NoiseSchedule schedule, int threads) {
    this.schedule = schedule;
    torch.set_num_threads(threads);
    int size = data.imageSize();
    images = torch.zeros(data.count(), size);
    FloatPointer memory = images.data_ptr_float();
    float[] row = new float[size];
    for (int i = 0; i < data.count(); i++) {
      data.batch(new int[] {i}, row);
      memory.position((long) i * size).put(row, 0, size);
    }
    transposed = images.t();
    squares = images.mul(images).sum(1L);
  }

  /** The data set, [count, values]. */
  org.bytedeco.pytorch.Tensor images() {
    return images;
  }

  @Override
  public Tensor predict(Tensor xt, double t) {
    float[] values = xt.toArray();
    float[] x0 = x0(values, xt.dim(0), t);
    double signal = schedule.signal(t);
    double sigma = schedule.sigma(t);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((values[i] - signal * x0[i]) / sigma);
    }
    return xt.scope().tensor(xt.shape(), values);
  }

  /** x̂_0 of queries [n, values]. */
  float[] x0(float[] xt, int n, double t) {
    try (PointerScope scope = new PointerScope();
        FloatPointer pointer = new FloatPointer(xt)) {
      org.bytedeco.pytorch.Tensor x0 =
          x0(torch.from_blob(pointer, new long[] {n, xt.length / n}), t);
      float[] out = new float[xt.length];
      x0.contiguous().data_ptr_float().get(out);
      return out;
    }
  }

  /** x̂_0 of queries [n, values]; one query as a vector, for which matrix-vector products serve. */
  org.bytedeco.pytorch.Tensor x0(org.bytedeco.pytorch.Tensor xt, double t) {
    double variance = 1 - schedule.alphaBar(t);
    Scalar alpha = new Scalar(schedule.signal(t) / variance);
    Scalar beta = new Scalar(-schedule.alphaBar(t) / (2 * variance));
    if (xt.size(0) == 1) {
      org.bytedeco.pytorch.Tensor logits =
          torch.addmv(squares, images, xt.reshape(-1), beta, alpha);
      return torch.mv(transposed, torch.softmax(logits, 0)).reshape(1, -1);
    }
    return torch.mm(torch.softmax(torch.addmm(squares, xt, transposed, beta, alpha), 1), images);
  }
}
