package io.github.ddpm4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ClassifierFreeGuidanceTest {
  private final Scope scope = Scope.open(Device.cpu());
  private final Tensor x = scope.zeros(Shape.of(1, 1, 2, 1));

  @AfterEach
  void close() {
    scope.close();
  }

  private static NoisePredictor constant(float... values) {
    return (xt, t) -> xt.scope().tensor(xt.shape().withLast(values.length / 2), values);
  }

  @Test
  void goesPastTheConditionalPrediction() {
    NoisePredictor with = constant(1, 2);
    NoisePredictor without = constant(0.5f, 4);
    assertThat(ClassifierFreeGuidance.of(with, without, 3).predict(x, 5).toArray())
        .containsExactly(2, -2);
    assertThat(ClassifierFreeGuidance.of(with, without, 1).predict(x, 5).toArray())
        .containsExactly(1, 2);
    assertThat(ClassifierFreeGuidance.of(with, without, 0).predict(x, 5).toArray())
        .containsExactly(0.5f, 4);
  }

  @Test
  void aLearnedVarianceIsThatOfTheConditionalPrediction() {
    NoisePredictor with = constant(1, 8, 2, 9);
    NoisePredictor without = constant(0.5f, -8, 4, -9);
    assertThat(ClassifierFreeGuidance.of(with, without, 3).predict(x, 5).toArray())
        .containsExactly(2, 8, -2, 9);
  }

  @Test
  void bothPredictTheSameThing() {
    NoisePredictor v = constant(1, 2).as(PredictionType.V_PREDICTION);
    assertThat(ClassifierFreeGuidance.of(v, v, 2).predictionType())
        .isEqualTo(PredictionType.V_PREDICTION);
    assertThatThrownBy(() -> ClassifierFreeGuidance.of(v, constant(1, 2), 2))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessageContaining("v_prediction")
        .hasMessageContaining("epsilon");
    assertThatThrownBy(() -> ClassifierFreeGuidance.of(v, v, Double.NaN))
        .isInstanceOf(InvalidArgumentException.class);
  }
}
