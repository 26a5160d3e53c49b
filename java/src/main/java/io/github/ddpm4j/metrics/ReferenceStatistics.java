package io.github.ddpm4j.metrics;

import io.github.ddpm4j.DataFormatException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.data.NpyArray;
import io.github.ddpm4j.data.NpzFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * Files of features' means and covariances as pytorch-fid's {@code --save-stats} writes them: an
 * {@code .npz} with {@code mu} [d] and {@code sigma} [d,d].
 */
public final class ReferenceStatistics {
  private static final String MEAN = "mu";
  private static final String COVARIANCE = "sigma";

  private ReferenceStatistics() {}

  /** Whether a file's arrays are these statistics. */
  public static boolean are(NpzFile file) {
    return file.names().contains(MEAN) && file.names().contains(COVARIANCE);
  }

  /**
   * Reads statistics.
   *
   * @throws DataFormatException if the file cannot be read, or its arrays are missing, of other
   *     shapes, or not those of a distribution
   */
  public static Gaussian read(Path file) {
    NpzFile arrays = NpzFile.open(file);
    NpyArray mean = arrays.array(MEAN);
    int[] shape = mean.shape();
    if (shape.length != 1) {
      throw problem(file, MEAN, shape, "one dimension");
    }
    int d = shape[0];
    NpyArray covariance = arrays.array(COVARIANCE);
    if (!Arrays.equals(covariance.shape(), new int[] {d, d})) {
      throw problem(file, COVARIANCE, covariance.shape(), "[" + d + ", " + d + "]");
    }
    double[] flat = covariance.doubles();
    double[][] rows = new double[d][];
    for (int i = 0; i < d; i++) {
      rows[i] = Arrays.copyOfRange(flat, i * d, (i + 1) * d);
    }
    try {
      return new Gaussian(mean.doubles(), rows);
    } catch (InvalidArgumentException e) {
      throw new DataFormatException(file, e.getMessage());
    }
  }

  /** Writes statistics as float64, whole or not at all. */
  public static void write(Path file, Gaussian statistics) {
    int d = statistics.dimension();
    double[] flat = new double[Math.multiplyExact(d, d)];
    for (int i = 0; i < d; i++) {
      System.arraycopy(statistics.covariance()[i], 0, flat, i * d, d);
    }
    NpzFile.write(
        file,
        Map.of(
            MEAN, NpyArray.of(new int[] {d}, statistics.mean()),
            COVARIANCE, NpyArray.of(new int[] {d, d}, flat)));
  }

  private static DataFormatException problem(Path file, String name, int[] shape, String expected) {
    return new DataFormatException(
        file, name + ".npy has shape " + Arrays.toString(shape) + ", expected " + expected);
  }
}
