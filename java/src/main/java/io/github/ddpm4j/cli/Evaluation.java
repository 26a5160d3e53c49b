package io.github.ddpm4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.image.Images;
import io.github.ddpm4j.metrics.Estimate;
import io.github.ddpm4j.metrics.FeatureExtractor;
import io.github.ddpm4j.metrics.FeatureSet;
import io.github.ddpm4j.metrics.FeatureStatistics;
import io.github.ddpm4j.metrics.FrechetDistance;
import io.github.ddpm4j.metrics.Gaussian;
import io.github.ddpm4j.metrics.InceptionScore;
import io.github.ddpm4j.metrics.KernelDistance;
import io.github.ddpm4j.metrics.PrecisionRecall;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;

/**
 * Figures of images, and of them beside others. What needs more than there is, is left out: a
 * reference, its images, or enough of them.
 */
final class Evaluation {
  private static final int SUBSET = 1000;
  private static final int SPLITS = 10;
  private static final int NEIGHBOURS = 3;

  private final ObjectNode figures = new ObjectMapper().createObjectNode();
  private final Gaussian statistics;

  private Evaluation(FeatureExtractor extractor, ImageSource source, ImageSource reference) {
    Seen seen = look(extractor, source);
    Seen others = reference == null ? null : look(extractor, reference);
    statistics = seen.statistics;
    figures.put("source", source.name()).put("images", source.count());
    if (reference != null) {
      figures.put("against", reference.name());
      if (others.features != null) {
        figures.put("against_images", reference.count());
      }
    }
    figures.put("features", extractor.name()).put("dimension", extractor.dimension());
    if (others != null) {
      figures.put("frechet_distance", FrechetDistance.between(statistics, others.statistics));
    }
    if (others != null && others.features != null) {
      compare(seen.features, others.features);
    }
    if (seen.logits.count() >= SPLITS) {
      put("inception_score", InceptionScore.standard().splits(SPLITS).of(seen.logits));
    }
  }

  /**
   * Takes the figures.
   *
   * @param reference null for none
   * @throws InvalidArgumentException if the source is no images, or the features do not fit
   */
  static Evaluation of(FeatureExtractor extractor, ImageSource source, ImageSource reference) {
    if (source.batch() == null) {
      throw new InvalidArgumentException(
          "source is " + source.name() + ", statistics, expected images");
    }
    requireEnough(source);
    if (reference != null && reference.batch() != null) {
      requireEnough(reference);
    }
    return new Evaluation(extractor, source, reference);
  }

  private static void requireEnough(ImageSource images) {
    if (images.count() < 2) {
      throw new InvalidArgumentException(
          images.name() + " has " + images.count() + " images, expected at least 2");
    }
  }

  /** Features of a source; only the distribution if that is what it is. */
  private record Seen(Gaussian statistics, FeatureSet features, FeatureSet logits) {}

  private static Seen look(FeatureExtractor extractor, ImageSource source) {
    if (source.batch() == null) {
      return new Seen(source.statistics(), null, null);
    }
    FeatureStatistics moments = new FeatureStatistics(extractor.dimension());
    FeatureSet features = new FeatureSet(extractor.dimension());
    FeatureSet logits = new FeatureSet(extractor.classes());
    try (ProgressBar bar = Progress.images("Looking", 0, source.count())) {
      for (int i = 0; i < source.count(); ) {
        Images images = source.batch().apply(i);
        FeatureExtractor.Features seen = extractor.extract(images);
        for (int k = 0; k < images.count(); k++) {
          moments.add(seen.features()[k]);
          features.add(seen.features()[k]);
          logits.add(seen.logits()[k]);
        }
        i += images.count();
        bar.stepTo(1000L * i);
      }
    }
    return new Seen(moments.gaussian(), features, logits);
  }

  private void compare(FeatureSet seen, FeatureSet others) {
    int fewest = Math.min(seen.count(), others.count());
    if (fewest >= SUBSET) {
      put("kernel_distance", KernelDistance.standard().subsetSize(SUBSET).between(seen, others));
    }
    figures.put("kernel_distance_all_pairs", KernelDistance.unbiased(seen, others));
    if (fewest > NEIGHBOURS) {
      PrecisionRecall.Result result = PrecisionRecall.neighbours(NEIGHBOURS).between(others, seen);
      figures.put("precision", result.precision()).put("recall", result.recall());
    }
  }

  private void put(String name, Estimate estimate) {
    figures.put(name, estimate.mean()).put(name + "_deviation", estimate.deviation());
  }

  /** Mean and covariance of the source's features. */
  Gaussian statistics() {
    return statistics;
  }

  String json() {
    return figures.toPrettyString() + System.lineSeparator();
  }

  String table() {
    StringBuilder table = new StringBuilder();
    row(table, "images", text("source") + ", " + text("images"));
    if (figures.has("against")) {
      String count = figures.has("against_images") ? ", " + text("against_images") : ", statistics";
      row(table, "against", text("against") + count);
    }
    row(table, "features", text("features") + ", " + text("dimension"));
    number(table, "Fréchet distance", "frechet_distance", "%.4f", "");
    number(table, "kernel distance", "kernel_distance", "%.6f", "100 subsets of " + SUBSET);
    number(table, "kernel distance", "kernel_distance_all_pairs", "%.6f", "all pairs");
    number(table, "Inception score", "inception_score", "%.4f", SPLITS + " splits");
    number(table, "precision", "precision", "%.4f", NEIGHBOURS + " neighbours");
    number(table, "recall", "recall", "%.4f", NEIGHBOURS + " neighbours");
    return table.toString();
  }

  private String text(String name) {
    return figures.get(name).asText();
  }

  private void number(StringBuilder table, String title, String name, String format, String note) {
    if (figures.has(name)) {
      String value = String.format(Locale.ROOT, format, figures.get(name).asDouble());
      if (figures.has(name + "_deviation")) {
        double deviation = figures.get(name + "_deviation").asDouble();
        value += " ± " + String.format(Locale.ROOT, format, deviation);
      }
      row(table, title, note.isEmpty() ? value : String.format("%-22s %s", value, note));
    }
  }

  private static void row(StringBuilder table, String title, String value) {
    table.append(String.format("%-20s %s%n", title, value));
  }
}
