package io.github.ddpm4j.metrics.inception;

import static io.github.ddpm4j.metrics.inception.Blocks.HALVE;
import static io.github.ddpm4j.metrics.inception.Blocks.POINT;
import static io.github.ddpm4j.metrics.inception.Blocks.SAME_3X3;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.checkpoint.TensorFile;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.FeatureExtractor;
import io.github.ddpm4j.ops.ResamplingOps;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.LayerListener;
import io.github.ddpm4j.unet.layers.Linear;
import io.github.ddpm4j.unet.layers.Parameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Inception-v3 (Szegedy et al., arXiv 1512.00567) as a judge of images: 2048 features after the
 * global average pooling, and logits. It comes without weights; they are read from the files that
 * pytorch-fid and torchvision publish, or the same tensors as safetensors. Batch norms are folded
 * into the convolutions.
 */
public final class InceptionV3 implements FeatureExtractor {
  /** Which network of that name. */
  public enum Variant {
    /**
     * That of the FID, "2015-12-05" of TensorFlow in pytorch-fid's port, {@code
     * pt_inception-2015-12-05-6726825d.pth}: padding does not count in average poolings, the last
     * block has a maximum pooling, and there are 1008 logits, of which the bias is left out as
     * torch-fidelity's {@code logits_unbiased} do.
     */
    FID("inception", 1008),

    /**
     * torchvision's, trained on ImageNet with 1000 classes: padding counts in average poolings. Its
     * {@code transform_input} undoes ImageNet's mean and deviation, so that it too takes values in
     * [-1, 1]. Distances by its features are no FID.
     */
    TORCHVISION("torchvision-inception", 1000);

    final String label;
    final int classes;

    Variant(String label, int classes) {
      this.label = label;
      this.classes = classes;
    }
  }

  /** Height and width of the pictures that the network was trained on. */
  static final int SIZE = 299;

  private static final int FEATURES = 2048;

  /** Images at a time: enough for the kernels, and some 150 MB of activations. */
  private static final int BATCH = 8;

  private final Variant variant;
  private final Resize resize;
  private final Device device;
  private final Parameters parameters = new Parameters();
  private final List<Stage> stages = new ArrayList<>();
  private final Linear output;

  /** A layer with its name in checkpoints. */
  private record Stage(String name, Layer layer) {}

  private InceptionV3(Variant variant, Resize resize, Device device) {
    this.variant = variant;
    this.resize = resize;
    this.device = device;
    boolean fid = variant == Variant.FID;
    Layer average = Layer.averagePool(SAME_3X3, !fid);
    conv("Conv2d_1a_3x3", 3, 32, HALVE);
    conv("Conv2d_2a_3x3", 32, 32, Window.square(3));
    conv("Conv2d_2b_3x3", 32, 64, SAME_3X3);
    add("maxpool1", Layer.maxPool(HALVE));
    conv("Conv2d_3b_1x1", 64, 80, POINT);
    conv("Conv2d_4a_3x3", 80, 192, Window.square(3));
    add("maxpool2", Layer.maxPool(HALVE));
    add("Mixed_5b", Blocks.a(at("Mixed_5b"), 192, average, 32));
    add("Mixed_5c", Blocks.a(at("Mixed_5c"), 256, average, 64));
    add("Mixed_5d", Blocks.a(at("Mixed_5d"), 288, average, 64));
    add("Mixed_6a", Blocks.b(at("Mixed_6a"), 288));
    add("Mixed_6b", Blocks.c(at("Mixed_6b"), average, 128));
    add("Mixed_6c", Blocks.c(at("Mixed_6c"), average, 160));
    add("Mixed_6d", Blocks.c(at("Mixed_6d"), average, 160));
    add("Mixed_6e", Blocks.c(at("Mixed_6e"), average, 192));
    add("Mixed_7a", Blocks.d(at("Mixed_7a"), 768));
    add("Mixed_7b", Blocks.e(at("Mixed_7b"), 1280, average));
    Layer last = fid ? Layer.maxPool(SAME_3X3) : average;
    add("Mixed_7c", Blocks.e(at("Mixed_7c"), 2048, last));
    output = new Linear(at("fc"), FEATURES, variant.classes);
  }

  private Parameters.Path at(String name) {
    return parameters.root().sub(name);
  }

  private void conv(String name, int in, int out, Window window) {
    add(name, Layer.conv(at(name), in, out, window));
  }

  private void add(String name, Layer layer) {
    stages.add(new Stage(name, layer));
  }

  /**
   * Loads a network.
   *
   * @param weights a {@code .pth}, {@code .pt} or {@code .safetensors} file with the tensors of
   *     torchvision's names: {@code Mixed_5b.branch1x1.conv.weight} and so on
   * @param resize how pictures are brought to 299×299 pixels
   * @throws io.github.ddpm4j.CheckpointException if the file cannot be read, or a tensor is
   *     missing, unexpected, of another shape or not finite
   */
  public static InceptionV3 load(Path weights, Variant variant, Resize resize, Device device) {
    TensorFile file = TensorFile.open(weights);
    InceptionV3 network = new InceptionV3(variant, resize, device);
    try {
      FoldedWeights.requireFit(file, network.parameters);
      network.parameters.allocate(device);
      FoldedWeights.read(file, network.parameters, variant != Variant.FID);
      return network;
    } catch (RuntimeException e) {
      network.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return variant.label;
  }

  @Override
  public int dimension() {
    return FEATURES;
  }

  @Override
  public int classes() {
    return variant.classes;
  }

  @Override
  public Features extract(Images images) {
    if (images.channels() != 1 && images.channels() != 3) {
      throw new InvalidArgumentException(images + " given, expected images of 1 or 3 channels");
    }
    float[][] features = new float[images.count()][];
    float[][] logits = new float[images.count()][];
    for (int first = 0; first < images.count(); first += BATCH) {
      int count = Math.min(BATCH, images.count() - first);
      float[] pixels = resize.apply(images.slice(first, count), SIZE);
      try (Scope scope = Scope.open(device)) {
        Tensor x = scope.tensor(Shape.of(count, SIZE, SIZE, 3), pixels);
        Tensor h = features(x, LayerListener.NONE);
        split(h.toArray(), FEATURES, features, first);
        split(logits(h).toArray(), variant.classes, logits, first);
      }
    }
    return new Features(features, logits);
  }

  /** x [N,H,W,3] in [-1, 1] gives [N,2048]. */
  Tensor features(Tensor x, LayerListener listener) {
    Scope results = x.scope();
    Tensor h = x;
    Scope last = null;
    try {
      for (Stage stage : stages) {
        // Each stage's memory ends when the next has been through.
        Scope scope = Scope.open(device);
        Scope before = last;
        last = scope;
        try {
          h = stage.layer.forward(h.in(scope));
        } finally {
          if (before != null) {
            before.close();
          }
        }
        listener.onLayer(stage.name, h);
      }
      Window all = new Window(h.dim(1), h.dim(2), 1, 1, 0, 0, 0, 0);
      Tensor pooled = ResamplingOps.averagePool(h.in(results), all, true);
      return pooled.reshape(Shape.of(x.dim(0), FEATURES));
    } finally {
      if (last != null) {
        last.close();
      }
    }
  }

  /** [N,2048] gives [N,classes]. */
  Tensor logits(Tensor features) {
    return output.forward(features);
  }

  private static void split(float[] flat, int size, float[][] rows, int first) {
    for (int i = 0; i < flat.length / size; i++) {
      rows[first + i] = Arrays.copyOfRange(flat, i * size, (i + 1) * size);
    }
  }

  @Override
  public void close() {
    parameters.close();
  }
}
