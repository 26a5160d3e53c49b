#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/arithmetic.h"
#include "ddpm/optimal.h"

/**
 * Arithmetic of the optimal denoiser, one for all backends: whole numbers, and doubles without functions that libraries
 * round in their own way, nor contraction to FMA: compile with -ffp-contract=off or -fmad=false. Everything that is
 * summed is a whole number, so the order of a sum is free: a kernel may take it as suits the machine and the batch, and
 * a result depends on the chunks of the data set only.
 *
 * Query: x_t = unit_0 h0 + unit_1 h1 + unit_2 h2 + ..., 16-bit digits h. Pixel: x = (y + 1/2) / 127.5, y = b - 128. The
 * sums h_d y are exact. In units of log 2, and up to a term that all images share, the logarithm of an image's weight
 * is lambda = sum_d factor_d (h_d . y) - norm_factor |2y + 1|^2.
 *
 * Weight: 2^(lambda - k) as a number of 30 binary places, two digits of 15, for the chunk's k = floor(largest lambda)
 * + 1. What a chunk adds is therefore whole multiples of 2^(k-15) and 2^(k-30), and goes to bins of 15 binary places.
 */
namespace ddpm::optimal {

constexpr int kChunk = DDPM_OPTIMAL_CHUNK, kHeader = DDPM_OPTIMAL_HEADER;
constexpr int kDigits = 3;
constexpr int kBins = 4;
constexpr int kBinBits = 15;
constexpr int64_t kNoBin = INT64_MIN, kNotFinite = INT64_MAX;
constexpr double kLog2E = 1.4426950408889634074, kLn2 = 0.69314718055994530942;

/**
 * So many digits that no weight is off by more than a factor 2^(kTolerance) by what is left of x_t after them, even if
 * that pointed along an image. As a rule it is off by a hundredth of that: what is left has no direction.
 */
constexpr double kTolerance = 1.0 / 512;

/**
 * The same where weight is spread over more than a kSpread-th of a chunk, so that errors cancel. A squared distance in
 * float32, from which a plain implementation gets a weight, is rounded more coarsely than what is left of x_t then.
 */
constexpr double kSpreadTolerance = 1.0 / 64;
constexpr int64_t kSpread = 4;

/** Weights of 30 places below the chunk's largest are zero from here on. */
constexpr double kCutoff = 31;

/** Beyond this, doubles are whole numbers that say nothing of a weight. */
constexpr double kLargestLambda = 1e15;

/**
 * In data sets this large one weight digit will do where a chunk's weights together are this many times the largest:
 * each is off by 2^-16 of the largest at most, one way or the other, and the errors cancel.
 */
constexpr int64_t kManyImages = 4096, kFlatSum = 3;

// Queries to digits

struct Query {
  int digits;             /**< 0 if the query is not finite */
  double factor[kDigits]; /**< of the digits' sums */
  double doubt[kDigits];  /**< lambda is known this well from digits 0 to d */
  double refined_places;
};

/** units[d] is the value of 1 in digit d. */
struct Units {
  double units[kDigits], reciprocals[kDigits];
};

/** The bits of |x|: they compare as magnitudes do, and NaN above all. */
DDPM_ARITHMETIC uint32_t magnitude_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

DDPM_ARITHMETIC float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/** largest: the largest |x_t|. Shaped: the first digit will be; see Shaper. */
DDPM_ARITHMETIC Units units_of(float largest, bool shaped) {
  // The first digit's largest, so that what is carried on to the next pixels has room.
  double unit = largest > 0 ? static_cast<double>(largest) / 32764 : 1;
  // A subnormal query would have an infinite reciprocal below; it is as good as zero.
  if (unit < 1e-60) unit = 1;
  // What shaping leaves after the first digit is up to two units, either way.
  double second = unit / (shaped ? 16384 : 65536), third = second / 65536;
  return {{unit, second, third}, {1 / unit, 1 / second, 1 / third}};
}

DDPM_ARITHMETIC int32_t to_digit(double wanted) {
  double digit = rint(wanted);
  return static_cast<int32_t>(digit > 32767 ? 32767 : (digit < -32767 ? -32767 : digit));
}

/**
 * The first digit along a channel, rounded so that what is left, e[p] - 2 e[p-1] + e[p-2] of rounding errors e, has
 * next to no low frequencies. There the images have their energy: left to chance, it would move all their distances
 * together.
 */
struct Shaper {
  double last, before;
};

DDPM_ARITHMETIC int32_t shape_digit(Shaper& shaper, const Units& u, float x) {
  double wanted = x * u.reciprocals[0] + 2 * shaper.last - shaper.before;
  shaper.before = shaper.last;
  shaper.last = wanted - rint(wanted);
  return to_digit(wanted);
}

/** The digits of a pixel from the first one on, where those before it are there; and the squares of what each leaves.
 */
DDPM_ARITHMETIC void split_pixel(const Units& u, float x, int first, int32_t (&digits)[kDigits],
                                 double (&squares)[kDigits]) {
  double rest = x;
  for (int d = 0; d < kDigits; ++d) {
    if (d >= first) digits[d] = to_digit(rest * u.reciprocals[d]);
    rest -= digits[d] * u.units[d];
    squares[d] = rest * rest;
  }
}

/** log2 to some roundings. */
DDPM_ARITHMETIC double log2_of(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t exponent = (bits >> 52) - 1023;
  bits -= exponent * (int64_t{1} << 52);
  double mantissa;
  memcpy(&mantissa, &bits, sizeof mantissa);
  if (mantissa > 1.4142) mantissa *= 0.5, ++exponent;
  // 2 artanh(s) for s of at most 0.172.
  double s = (mantissa - 1) / (mantissa + 1), q = s * s, p = 1.0 / 21;
  p = p * q + 1.0 / 19;
  p = p * q + 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  p = p * q + 1.0;
  return static_cast<double>(exponent) + 2 * s * p * kLog2E;
}

/**
 * Images whose weight is this many places below the chunk's largest keep the logarithm that the first digit gave, if
 * that is good to 2^-1: all together they do not change the chunk's sums by more than kTolerance.
 */
DDPM_ARITHMETIC double refined_places(double doubt) {
  if (!(doubt < 0.5)) return kCutoff;
  double places = log2_of(kChunk * doubt / kTolerance);
  return places < kCutoff ? places : kCutoff;
}

/** Whether a query is finite, and its logarithms say something of weights. largest may be infinite or NaN. */
DDPM_ARITHMETIC bool is_finite(float largest, int64_t pixels, double largest_norm, double signal, double variance) {
  double size = sqrt(static_cast<double>(pixels));
  if (!(largest <= 3.4e38f)) return false;
  return !(signal / variance * kLog2E * largest * size * (largest_norm + size) > kLargestLambda);
}

/** squares: sums over pixels, in their order; largest_norm: the largest |x_i| of the data set. */
DDPM_ARITHMETIC Query query_of(const Units& u, const double (&squares)[kDigits], double largest_norm, double signal,
                               double variance) {
  Query query{};
  double scale = signal / variance * kLog2E;
  for (int d = 0; d < kDigits; ++d) {
    query.factor[d] = scale / 127.5 * u.units[d];
    // Cauchy and Schwarz: what is left of the query, times the longest image.
    query.doubt[d] = scale * sqrt(squares[d]) * largest_norm;
  }
  query.refined_places = refined_places(query.doubt[0]);
  query.digits = 1;
  for (int d = 1; d < kDigits; ++d)
    if (query.digits == d && query.doubt[d - 1] > kTolerance) query.digits = d + 1;
  return query;
}

DDPM_ARITHMETIC double norm_factor(double signal, double variance) {
  return signal * signal / (2 * variance) / 65025 * kLog2E;
}

/** The least first-digit logarithm of the images that get the other digits. */
DDPM_ARITHMETIC double least_refined(const Query& query, double largest) {
  return largest - query.refined_places - 2 * query.doubt[0];
}

/** Whether a chunk of count images gets the other digits at all, with so many images that should. */
DDPM_ARITHMETIC bool is_refined(const Query& query, int64_t candidates, int64_t count, int64_t images) {
  if (query.digits == 1) return false;
  return !(kSpread * candidates > count && query.doubt[0] <= kSpreadTolerance && images >= kManyImages);
}

/** Whether all images of a refined chunk get the other digits. */
DDPM_ARITHMETIC bool refines_all(int64_t candidates, int64_t count) { return 2 * candidates > count; }

// Logarithms to weights

/** A chunk's k for its largest lambda. */
DDPM_ARITHMETIC int64_t exponent_of(double largest) { return static_cast<int64_t>(floor(largest)) + 1; }

/** 2^x for x <= 0, as good as double allows; 0 for x below -1000. */
DDPM_ARITHMETIC double exp2_negative(double x) {
  const double rounder = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer in the low bits
  double bounded = x > -1000 ? x : -1000;
  double shifted = bounded + rounder;
  double r = (bounded - (shifted - rounder)) * kLn2;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  int64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  // The exponent's twelve bits push out the others.
  bits = static_cast<int64_t>(static_cast<uint64_t>(bits + 1023) << 52);
  double power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/** The weight of an image in its chunk, of 30 places. */
DDPM_ARITHMETIC int32_t weight_of(double lambda, double k) {
  int32_t whole = static_cast<int32_t>(rint(exp2_negative(lambda - k) * (1 << 30)));
  return whole < 1 << 30 ? whole : (1 << 30) - 1;
}

/** Whether one digit of weight will do for a chunk with this sum of weights. */
DDPM_ARITHMETIC bool is_flat(int64_t total, bool refined, int64_t images) {
  return !refined && images >= kManyImages && total >= kFlatSum << 30;
}

/** A weight rounded to its upper digit. */
DDPM_ARITHMETIC int32_t flat_weight(int32_t whole) {
  int32_t rounded = (whole + (1 << (kBinBits - 1))) >> kBinBits << kBinBits;
  return rounded < 1 << 30 ? rounded : 32767 << kBinBits;
}

DDPM_ARITHMETIC int32_t upper_digit(int32_t whole) { return whole >> kBinBits; }
DDPM_ARITHMETIC int32_t lower_digit(int32_t whole) { return whole & 32767; }

// Weights to bins

/** The bin of a chunk's upper weight digits, multiples of 2^(k - 15); the lower ones go to the next bin below. */
DDPM_ARITHMETIC int64_t bin_of(int64_t k) {
  int64_t a = k - kBinBits;
  return a / kBinBits - (a % kBinBits < 0);
}

/** The bin of a chunk whose largest lambda this is. */
DDPM_ARITHMETIC int64_t bin_of_lambda(double lambda) { return bin_of(exponent_of(lambda)); }

/** Places by which both digits are shifted within their bins. */
DDPM_ARITHMETIC int shift_of(int64_t k) { return static_cast<int>(k - kBinBits - kBinBits * bin_of(k)); }

/** sum 2^shift. Unsigned on the way: a shift of negative numbers is not defined. */
DDPM_ARITHMETIC int64_t shifted(int64_t sum, int shift) {
  return static_cast<int64_t>(static_cast<uint64_t>(sum) << shift);
}

/** Whether a bin is kept beside a top bin, which may be kNoBin. */
DDPM_ARITHMETIC bool is_kept(int64_t bin, int64_t top) { return top == kNoBin || bin > top - kBins; }

/** Whether a chunk whose largest lambda this is will be in the bins that are kept beside the top one so far. */
DDPM_ARITHMETIC bool can_matter(double lambda, int64_t top) {
  return !(lambda < -kLargestLambda) && is_kept(bin_of_lambda(lambda), top);
}

DDPM_ARITHMETIC int64_t partial_size(int64_t pixels) { return kHeader + kBins * pixels; }

}  // namespace ddpm::optimal
