package io.github.ddpm4j.metrics;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.Safetensors;
import io.github.ddpm4j.checkpoint.WeightFile;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.TrainingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Linear;
import io.github.ddpm4j.unet.layers.Parameters;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * A small convolutional classifier of 28×28 digits that judges samples: what it is sure of, and the
 * features before its last layer, between which Fréchet distances are taken.
 *
 * <p>Three 3×3 convolutions with SiLU and 2×2 max pooling (16, 32, 64 channels), 128 features, ten
 * classes.
 */
public final class DigitClassifier implements AutoCloseable {
  /** Height and width of the pictures it takes. */
  public static final int SIZE = 28;

  public static final int CLASSES = 10;
  public static final int FEATURES = 128;

  private static final String RESOURCE =
      "/io/github/ddpm4j/models/mnist-classifier/classifier.safetensors";
  private static final Window HALVE = Window.square(2).stride(2);

  /** Images of a training step. */
  public static final int BATCH = 100;

  private static final double LEARNING_RATE = 2e-3;

  private final Device device;
  private final Parameters parameters = new Parameters();
  private final Conv2d[] convolutions;
  private final Linear hidden;
  private final Linear output;

  private DigitClassifier(Device device) {
    this.device = device;
    Parameters.Path root = parameters.root();
    convolutions =
        new Conv2d[] {
          Conv2d.same3x3(root.sub("conv", 0), 1, 16),
          Conv2d.same3x3(root.sub("conv", 1), 16, 32),
          Conv2d.same3x3(root.sub("conv", 2), 32, 64)
        };
    hidden = new Linear(root.sub("hidden"), 3 * 3 * 64, FEATURES);
    output = new Linear(root.sub("output"), FEATURES, CLASSES);
    parameters.allocate(device);
  }

  /** An untrained classifier. The same seed gives the same one. */
  public static DigitClassifier create(Device device, long seed) {
    DigitClassifier classifier = new DigitClassifier(device);
    classifier.parameters.initialize(seed);
    return classifier;
  }

  /** The classifier that comes with the library, trained on MNIST. */
  public static DigitClassifier pretrained() {
    Path name = Path.of("classpath:" + RESOURCE);
    try (InputStream in = DigitClassifier.class.getResourceAsStream(RESOURCE)) {
      DigitClassifier classifier = new DigitClassifier(Device.cpu());
      WeightFile.read(Safetensors.read(name, in), classifier.parameters);
      return classifier;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes the parameters as safetensors. */
  public void save(Path file) {
    WeightFile.write(file, parameters.views(parameters.values()));
  }

  /**
   * Trains with Adam, the learning rate falling along a cosine.
   *
   * @param data labelled digits, at least a hundred
   * @param epochs passes over the data; what is left of one after the last full batch is dropped
   * @param seed of the order of the images
   * @param onStep called with every step's loss
   * @throws InvalidArgumentException if the data set is too small, or of pictures of another size
   */
  public void train(ImageDataset data, int epochs, long seed, DoubleConsumer onStep) {
    requireDigits(data, data.height(), data.width(), data.channels());
    if (data.count() < BATCH || epochs < 1) {
      throw new InvalidArgumentException(
          data.count()
              + " images and "
              + epochs
              + " epochs given, expected at least "
              + BATCH
              + " and 1");
    }
    int batches = data.count() / BATCH;
    parameters.requireGradients();
    Tensor m = parameters.companion();
    Tensor v = parameters.companion();
    int[] order = null;
    float[] pixels = new float[BATCH * data.imageSize()];
    float[] labels = new float[BATCH];
    long steps = (long) epochs * batches;
    for (long step = 0; step < steps; step++) {
      int batch = (int) (step % batches);
      if (batch == 0) {
        order = data.order(seed + step / batches);
      }
      int[] indices = Arrays.copyOfRange(order, batch * BATCH, (batch + 1) * BATCH);
      data.batch(indices, pixels);
      for (int i = 0; i < BATCH; i++) {
        labels[i] = data.label(indices[i]);
      }
      parameters.gradients().fill(0);
      try (Scope scope = Scope.recording(device)) {
        Tensor logits =
            output.forward(features(scope.tensor(Shape.of(BATCH, SIZE, SIZE, 1), pixels)));
        TrainingOps.Loss loss =
            TrainingOps.crossEntropy(logits, scope.tensor(Shape.of(BATCH), labels));
        scope.tape().backward(logits, loss.gradient());
        onStep.accept(loss.mean());
      }
      double rate = LEARNING_RATE * (1 + Math.cos(Math.PI * step / steps)) / 2;
      TrainingOps.adam(
          parameters.values(), parameters.gradients(), m, v, step + 1, rate, 0.9, 0.999, 1e-8, 1);
    }
  }

  /** x [N,28,28,1] gives [N,128]. */
  private Tensor features(Tensor x) {
    Tensor h = x;
    for (Conv2d convolution : convolutions) {
      h = ResamplingOps.maxPool(PointwiseOps.silu(convolution.forward(h)), HALVE);
    }
    return PointwiseOps.silu(hidden.forward(h.reshape(Shape.of(x.dim(0), 3 * 3 * 64))));
  }

  /**
   * What the classifier says of images.
   *
   * @param features [N][128], before the last layer
   * @param probabilities [N][10]
   */
  public record Judgement(float[][] features, float[][] probabilities) {
    /** Most likely class of image i. */
    public int label(int i) {
      int best = 0;
      for (int c = 1; c < CLASSES; c++) {
        best = probabilities[i][c] > probabilities[i][best] ? c : best;
      }
      return best;
    }

    /** Probability of the most likely class of image i. */
    public double confidence(int i) {
      return probabilities[i][label(i)];
    }

    public int count() {
      return features.length;
    }
  }

  /**
   * Judges images.
   *
   * @throws InvalidArgumentException if they are not 28×28 with one channel
   */
  public Judgement judge(Images images) {
    requireDigits(images, images.height(), images.width(), images.channels());
    float[][] features = new float[images.count()][];
    float[][] probabilities = new float[images.count()][];
    for (int first = 0; first < images.count(); first += BATCH) {
      int count = Math.min(BATCH, images.count() - first);
      try (Scope scope = Scope.open(device)) {
        Tensor x =
            scope.tensor(Shape.of(count, SIZE, SIZE, 1), images.slice(first, count).pixels());
        Tensor h = features(x);
        float[] flatFeatures = h.toArray();
        float[] logits = output.forward(h).toArray();
        for (int i = 0; i < count; i++) {
          features[first + i] = Arrays.copyOfRange(flatFeatures, i * FEATURES, (i + 1) * FEATURES);
          probabilities[first + i] =
              softmax(Arrays.copyOfRange(logits, i * CLASSES, (i + 1) * CLASSES));
        }
      }
    }
    return new Judgement(features, probabilities);
  }

  private static void requireDigits(Object images, int height, int width, int channels) {
    if (height != SIZE || width != SIZE || channels != 1) {
      throw new InvalidArgumentException(
          images + " given, expected images of 28x28 pixels and one channel");
    }
  }

  /** Share of a labelled data set's images that are classified right. */
  public double accuracy(ImageDataset data) {
    int[] all = IntStream.range(0, data.count()).toArray();
    Judgement judgement = judge(data.images(all));
    int right = 0;
    for (int i = 0; i < data.count(); i++) {
      right += judgement.label(i) == data.label(i) ? 1 : 0;
    }
    return right / (double) data.count();
  }

  private static float[] softmax(float[] logits) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - largest);
    }
    float[] probabilities = new float[logits.length];
    for (int i = 0; i < logits.length; i++) {
      probabilities[i] = (float) (Math.exp(logits[i] - largest) / sum);
    }
    return probabilities;
  }

  @Override
  public void close() {
    parameters.close();
  }
}
