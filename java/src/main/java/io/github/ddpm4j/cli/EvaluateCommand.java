package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.ImageDataset;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.DigitClassifier;
import io.github.ddpm4j.metrics.FeatureExtractor;
import io.github.ddpm4j.metrics.ReferenceStatistics;
import io.github.ddpm4j.metrics.SampleReport;
import io.github.ddpm4j.metrics.inception.InceptionV3;
import io.github.ddpm4j.metrics.inception.Resize;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Judges a model of digits, or any images beside others. */
@Command(
    name = "evaluate",
    description = {
      "Judge images beside others: Fréchet and kernel distance (FID, KID), Inception score, precision and recall.",
      "Without SOURCE, --against and --features, judge a model of digits by a classifier: confidence, classes and"
          + " Fréchet distance, beside real digits."
    })
final class EvaluateCommand implements Callable<Integer> {
  /** Which classifier's features. */
  enum Features {
    MNIST,
    INCEPTION,
    TORCHVISION_INCEPTION;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  @Mixin private ModelOptions model;
  @Mixin private SamplerOptions sampler;

  @Parameters(
      arity = "0..1",
      paramLabel = "SOURCE",
      description = ImageSource.SYNTAX + ". Default: samples of --model.")
  private String source;

  @Option(
      names = "--against",
      paramLabel = "SOURCE",
      description = "What to compare with. Default: mnist:test for features mnist, else nothing.")
  private String against;

  @Option(
      names = "--features",
      converter = FeaturesConverter.class,
      paramLabel = "NAME",
      description =
          "mnist (the bundled classifier), inception (the FID's network) or torchvision-inception."
              + " Default: mnist.")
  private Features features;

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description =
          "Weights of the Inception network: pytorch-fid's or torchvision's .pth file, or safetensors.")
  private Path weights;

  @Option(
      names = "--resize",
      defaultValue = "PYTORCH",
      description =
          "How images come to 299x299 pixels: ${COMPLETION-CANDIDATES}, as pytorch-fid, torch-fidelity"
              + " and clean-fid do. Default: ${DEFAULT-VALUE}.")
  private Resize resize;

  @Option(
      names = "--save-statistics",
      paramLabel = "FILE.npz",
      description = "Write mean and covariance of the source's features as pytorch-fid does.")
  private Path statistics;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Option(
      names = {"-n", "--count"},
      description =
          "Number of images of SOURCE, drawn at random. Default: 1000 samples of a model, else all.")
  private Integer count;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Seed of the samples or the choice of images. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Folder of the data sets. Default: $DDPM4J_DATA, then ~/.cache/ddpm4j/data.")
  private Path data;

  static final class FeaturesConverter implements ITypeConverter<Features> {
    @Override
    public Features convert(String name) {
      for (Features features : Features.values()) {
        if (features.toString().equalsIgnoreCase(name)) {
          return features;
        }
      }
      throw new TypeConversionException(
          "expected mnist, inception or torchvision-inception, but was '" + name + "'");
    }
  }

  @Override
  public Integer call() {
    if (source == null && against == null && features == null && statistics == null && !json) {
      return judgeDigits();
    }
    requireWeights();
    try (FeatureExtractor extractor = extractor()) {
      ImageSource.Context some = new ImageSource.Context(data, sampler, model.device, count, seed);
      ImageSource.Context all = new ImageSource.Context(data, sampler, model.device, null, seed);
      // The reference first: opening it takes less time than drawing samples.
      ImageSource reference = against() == null ? null : ImageSource.open(against(), all);
      ImageSource images = ImageSource.open(source == null ? "model:" + model.model : source, some);
      Evaluation evaluation = Evaluation.of(extractor, images, reference);
      if (statistics != null) {
        ReferenceStatistics.write(statistics, evaluation.statistics());
      }
      System.out.print(json ? evaluation.json() : evaluation.table());
      return 0;
    }
  }

  private Features features() {
    return features == null ? Features.MNIST : features;
  }

  private String against() {
    boolean digits = features() == Features.MNIST && statistics == null;
    return against == null && digits ? "mnist:test" : against;
  }

  private void requireWeights() {
    boolean needed = features() != Features.MNIST;
    if (needed == (weights == null)) {
      throw new InvalidArgumentException(
          "features are "
              + features()
              + (needed ? " without" : " with")
              + " weights, expected --weights FILE for an Inception network"
              + (needed ? "" : " only"));
    }
  }

  private FeatureExtractor extractor() {
    return switch (features()) {
      case MNIST -> DigitClassifier.pretrained();
      case INCEPTION -> inception(InceptionV3.Variant.FID);
      case TORCHVISION_INCEPTION -> inception(InceptionV3.Variant.TORCHVISION);
    };
  }

  private FeatureExtractor inception(InceptionV3.Variant variant) {
    return InceptionV3.load(weights, variant, resize, model.device.get());
  }

  private int judgeDigits() {
    int samples = count == null ? ImageSource.Context.DEFAULT_SAMPLES : count;
    ImageDataset test = Mnist.test(DataFolder.find("mnist", data));
    SampleReport.requireEnough(samples, test);
    try (DiffusionModel open = model.open();
        DigitClassifier classifier = DigitClassifier.pretrained()) {
      Images drawn = Progress.sample(open, sampler.of(open), samples, seed);
      System.out.print(SampleReport.of(classifier, drawn, test));
      return 0;
    }
  }
}
