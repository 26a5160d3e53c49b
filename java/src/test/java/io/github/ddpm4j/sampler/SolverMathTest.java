package io.github.ddpm4j.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SolverMathTest {
  /** φ_k(z) = ∫ e^((1-s) z) s^(k-1)/(k-1)! ds over [0, 1], by Simpson's rule. */
  @Property(tries = 200)
  void phiIsAnIntegral(
      @ForAll @IntRange(min = 1, max = 4) int k,
      @ForAll @DoubleRange(min = -20, max = 5) double z) {
    int intervals = 2000;
    double factorial = k < 3 ? 1 : k == 3 ? 2 : 6;
    double sum = 0;
    for (int i = 0; i <= intervals; i++) {
      double s = (double) i / intervals;
      double weight = i == 0 || i == intervals ? 1 : i % 2 == 1 ? 4 : 2;
      sum += weight * Math.exp((1 - s) * z) * Math.pow(s, k - 1) / factorial;
    }
    double integral = sum / (3 * intervals);
    assertThat(Phi.phi(k, z)).isCloseTo(integral, within(1e-9 * Math.exp(Math.max(0, z))));
  }

  @Test
  void phiIsExactWhereItsRecursionWouldCancel() {
    assertThat(Phi.phi(3, 0)).isEqualTo(1.0 / 6);
    assertThat(Phi.phi(2, 1e-9)).isCloseTo(0.5 + 1e-9 / 6, within(1e-16));
    assertThat(Phi.phi(1, -1e-3)).isCloseTo(-Math.expm1(-1e-3) / 1e-3, within(1e-15));
  }

  @Property(tries = 200)
  void linearSystemsAreSolved(@ForAll("twelve") double[] numbers) {
    double[][] rows = new double[3][];
    for (int i = 0; i < 3; i++) {
      rows[i] = Arrays.copyOfRange(numbers, 4 * i, 4 * i + 4);
      rows[i][(i + 1) % 3] += 4; // far from singular, and in need of pivots
    }
    double[][] given = Arrays.stream(rows).map(double[]::clone).toArray(double[][]::new);
    double[] x = LinearSystem.solve(rows);
    for (double[] row : given) {
      double left = row[0] * x[0] + row[1] * x[1] + row[2] * x[2];
      assertThat(left).isCloseTo(row[3], within(1e-12));
    }
  }

  @Provide
  Arbitrary<double[]> twelve() {
    return Arbitraries.doubles().between(-1, 1).array(double[].class).ofSize(12);
  }
}
