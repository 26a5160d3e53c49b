package io.github.ddpm4j.ops;

import static io.github.ddpm4j.internal.Status.check;
import static io.github.ddpm4j.ops.Operands.memory;
import static io.github.ddpm4j.ops.Operands.requireRank;
import static io.github.ddpm4j.ops.Operands.requireShape;

import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;

/** Losses and optimisers. */
public final class TrainingOps {
  private TrainingOps() {}

  /**
   * A loss and its gradient.
   *
   * @param perImage loss of each image, [N]
   * @param gradient of the mean loss by the prediction; null if none was asked for
   */
  public record Loss(Tensor perImage, Tensor gradient) {
    /** Mean over the images, added up in double precision. */
    public double mean() {
      double sum = 0;
      for (float loss : perImage.toArray()) {
        sum += loss;
      }
      return sum / perImage.count();
    }
  }

  /**
   * Mean squared error of a prediction [N,...]: Ho et al., arXiv 2006.11239, eq. 14, as a mean over
   * elements.
   *
   * @param gradScale factor on the gradient: 1/k when k batches make one step
   */
  public static Loss mse(Tensor prediction, Tensor target, float gradScale) {
    requireShape("target", target, prediction.shape());
    int images = prediction.dim(0);
    Tensor losses = prediction.scope().allocate(Shape.of(images));
    Tensor gradient =
        prediction.requiresGradient() ? prediction.scope().allocate(prediction.shape()) : null;
    check(
        NativeApi.ddpm_mse(
            prediction.memory(),
            target.memory(),
            losses.memory(),
            memory(gradient),
            images,
            prediction.count() / images,
            gradScale));
    return new Loss(losses, gradient);
  }

  /**
   * Softmax cross-entropy of logits [N,classes].
   *
   * @param labels [N], whole numbers from 0 to classes - 1
   */
  public static Loss crossEntropy(Tensor logits, Tensor labels) {
    requireRank("logits", logits, 2);
    requireShape("labels", labels, Shape.of(logits.dim(0)));
    Tensor losses = logits.scope().allocate(labels.shape());
    Tensor gradient = logits.requiresGradient() ? logits.scope().allocate(logits.shape()) : null;
    check(
        NativeApi.ddpm_cross_entropy(
            logits.memory(),
            labels.memory(),
            losses.memory(),
            memory(gradient),
            logits.dim(0),
            logits.dim(1)));
    return new Loss(losses, gradient);
  }

  /**
   * One step of Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1), in place.
   *
   * @param m first moment, like v of the parameters' shape
   * @param step from 1
   * @param gradScale factor on the gradients, for clipping
   */
  public static void adam(
      Tensor parameters,
      Tensor gradients,
      Tensor m,
      Tensor v,
      long step,
      double learningRate,
      double beta1,
      double beta2,
      double eps,
      double gradScale) {
    requireShape("gradients", gradients, parameters.shape());
    requireShape("m", m, parameters.shape());
    requireShape("v", v, parameters.shape());
    check(
        NativeApi.ddpm_adam(
            parameters.memory(),
            gradients.memory(),
            m.memory(),
            v.memory(),
            parameters.count(),
            step,
            (float) learningRate,
            (float) beta1,
            (float) beta2,
            (float) eps,
            (float) gradScale));
  }

  /** average = decay * average + (1 - decay) * parameters, in place. */
  public static void ema(Tensor average, Tensor parameters, double decay) {
    requireShape("parameters", parameters, average.shape());
    check(
        NativeApi.ddpm_ema(average.memory(), parameters.memory(), average.count(), (float) decay));
  }

  /** Sum of squares, in double precision. */
  public static double sumSquares(Tensor x) {
    double[] sum = new double[1];
    check(NativeApi.ddpm_sum_squares(x.memory(), x.count(), sum));
    return sum[0];
  }
}
