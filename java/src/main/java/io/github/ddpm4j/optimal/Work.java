package io.github.ddpm4j.optimal;

/**
 * What an optimal denoiser has done, in pairs of a noisy image and an image of the data set. What
 * is left out cannot change a bit of the result.
 *
 * @param pairs all pairs asked for
 * @param compared pairs whose distance was computed; the others were ruled out by a bound on it
 * @param refined pairs whose distance was computed in full precision
 * @param summed pairs whose image was loaded for the weighted sum
 * @param skippedByDigits pairs ruled out by a distance to 5 bits of the noisy image, at half the
 *     cost of one that is exact
 */
public record Work(long pairs, long compared, long refined, long summed, long skippedByDigits) {
  /** Share of pairs whose distance was not computed, 0 to 1. */
  public double skipped() {
    return pairs == 0 ? 0 : 1 - (double) compared / pairs;
  }

  /** Pairs ruled out by the images' means over blocks of 4×4 pixels, without a look at them. */
  public long skippedByMeans() {
    return pairs - compared - skippedByDigits;
  }
}
