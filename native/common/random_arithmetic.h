#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/arithmetic.h"

/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)
 * and normals by Box-Muller, one for all backends.
 *
 * The logarithm, sine and cosine are polynomials of our own. Compiled without contraction to FMA (-ffp-contract=off,
 * -fmad=false), a seed gives the same bits on every device, with any C library.
 */
namespace ddpm::random {

/** The stream of one draw of an image; its counters count from 0, and each gives four words. */
struct Stream {
  uint32_t key0, key1, draw, image0, image1;
};

DDPM_ARITHMETIC Stream stream_of(int64_t seed, int64_t image, uint32_t draw) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), draw, static_cast<uint32_t>(image),
          static_cast<uint32_t>(image >> 32)};
}

/** The words of a counter. */
DDPM_ARITHMETIC void philox(const Stream& stream, uint32_t counter, uint32_t (&words)[4]) {
  uint32_t c0 = counter, c1 = stream.draw, c2 = stream.image0, c3 = stream.image1;
  uint32_t k0 = stream.key0, k1 = stream.key1;
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

DDPM_ARITHMETIC float bits_to_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/** (word + 1/2) / 2^32, rounded once: the 24 high bits and the rest are exact by themselves. */
DDPM_ARITHMETIC float fraction(uint32_t word) {
  return (static_cast<float>(word >> 8) + (static_cast<float>(word & 255u) + 0.5f) * 0.00390625f) *
         5.9604644775390625e-08f;
}

/** -ln(u) for u = (word + 1/2) / 2^32, of relative accuracy 1e-6: u never reaches 0 or 1. */
DDPM_ARITHMETIC float minus_log(uint32_t word) {
  // u = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(z), z = (m - 1) / (m + 1), |z| < 0.172. Near 1 the 24
  // bits of a float would lose u's distance from it, so 1 - u is taken from the word's complement.
  uint32_t complement = ~word;
  float low = fraction(word), high = fraction(complement);
  uint32_t bits;
  std::memcpy(&bits, &low, sizeof bits);
  uint32_t shifted = bits - 0x3F3504F3u;
  int32_t exponent = static_cast<int32_t>(shifted) >> 23;
  float m = bits_to_float((shifted & 0x007FFFFFu) + 0x3F3504F3u);
  float numerator = exponent == 0 ? -high : m - 1.0f;
  float z = numerator / (m + 1.0f);
  float z2 = z * z;
  float series = 1.0f + z2 * (0.33333333f + z2 * (0.2f + z2 * (0.14285715f + z2 * 0.11111111f)));
  return -(static_cast<float>(exponent) * 0.69314718f + 2.0f * z * series);
}

/** Cosine and sine of 2 pi word / 2^32. */
DDPM_ARITHMETIC void circle(uint32_t word, float* cosine, float* sine) {
  // The nearest quarter turn and the rest, in [-1/8, 1/8] of a turn.
  uint32_t quarter = (word + 0x20000000u) >> 30;
  const float step = 1.4629180792671596e-09f;  // 2 pi / 2^32
  float rest = static_cast<float>(static_cast<int32_t>(word - (quarter << 30))) * step;
  float r2 = rest * rest;
  float s = rest * (1.0f + r2 * (-0.16666667f + r2 * (8.3333333e-3f + r2 * (-1.9841270e-4f + r2 * 2.7557319e-6f))));
  float c = 1.0f + r2 * (-0.5f + r2 * (4.1666668e-2f + r2 * (-1.3888889e-3f + r2 * 2.4801587e-5f)));
  bool swap = (quarter & 1u) != 0;
  float a = swap ? s : c, b = swap ? c : s;
  *cosine = quarter == 1u || quarter == 2u ? -a : a;
  *sine = quarter == 2u || quarter == 3u ? -b : b;
}

/** Two normals from two words. */
DDPM_ARITHMETIC void normals(uint32_t first, uint32_t second, float* a, float* b) {
  float cosine, sine, radius = std::sqrt(2.0f * minus_log(first));
  circle(second, &cosine, &sine);
  *a = radius * cosine;
  *b = radius * sine;
}

/** Words below it drop their element from a dropout of probability p. */
DDPM_ARITHMETIC uint32_t dropout_threshold(float p) {
  return static_cast<uint32_t>(static_cast<double>(p) * 4294967296.0);
}

}  // namespace ddpm::random
