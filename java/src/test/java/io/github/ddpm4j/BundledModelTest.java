package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.ddpm4j.data.DataFolder;
import io.github.ddpm4j.data.Mnist;
import io.github.ddpm4j.metrics.DigitClassifier;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The bundled model draws digits, and the bundled classifier knows them. */
class BundledModelTest {
  @Test
  void samplesAreDigitsOfAllClasses() {
    try (DiffusionModel model = DiffusionModel.pretrained("mnist");
        DigitClassifier classifier = DigitClassifier.pretrained()) {
      var judgement = classifier.judge(model.sample(100));
      int sure = 0;
      boolean[] seen = new boolean[DigitClassifier.CLASSES];
      for (int i = 0; i < judgement.count(); i++) {
        sure += judgement.confidence(i) > 0.9 ? 1 : 0;
        seen[judgement.label(i)] = true;
      }
      // The seed is fixed, so this is no lottery; the model card has 90.2 % of 1,000 samples.
      assertThat(sure).isGreaterThanOrEqualTo(85);
      assertThat(seen).containsOnly(true);
    }
  }

  @Test
  void theClassifierKnowsTheTestSet() {
    Path folder = null;
    try {
      folder = DataFolder.find("mnist", null);
    } catch (DataFormatException absent) {
      assumeTrue(false, "needs MNIST: " + absent.getMessage());
    }
    try (DigitClassifier classifier = DigitClassifier.pretrained()) {
      assertThat(classifier.accuracy(Mnist.test(folder))).isGreaterThanOrEqualTo(0.985);
    }
  }
}
