#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__) || defined(DDPM_SIMT)
#include "cuda/device.h"
#else
#define DDPM_HOST_DEVICE inline
#endif

/**
 * Arithmetic of the optimal denoiser on a device, step by step that of native/cpu/kernels/optimal_weights.cpp and with
 * the same bits, as a test checks: doubles, no contraction to FMA (compile with -fmad=false), whole numbers. See there
 * for what it means.
 */
namespace ddpm::cuda {

constexpr int kChunk = 96; /**< DDPM_OPTIMAL_CHUNK */
constexpr int kHeader = 5; /**< DDPM_OPTIMAL_HEADER */
constexpr int kDigits = 3;
constexpr int kBins = 4;
constexpr int kBinBits = 15;
constexpr int64_t kNoBin = INT64_MIN, kNotFinite = INT64_MAX;
constexpr int64_t kManyImages = 4096;
constexpr double kLog2E = 1.4426950408889634074, kLn2 = 0.69314718055994530942;
constexpr double kTolerance = 1.0 / 512, kCutoff = 31, kLargestLambda = 1e15;
constexpr float kLargestFinite = 3.4e38f;

struct Query {
  int digits; /**< 0 if the query is not finite */
  double factor[kDigits], doubt, refined_places;
};

/** What a pixel of a query is split by: units[d] is the value of 1 in digit d. */
struct Units {
  double units[kDigits], reciprocals[kDigits];
};

DDPM_HOST_DEVICE Units units_of(float largest) {
  Units u{};
  double unit = largest > 0 ? static_cast<double>(largest) / 32767 : 1;
  if (unit < 1e-60) unit = 1;
  for (int d = 0; d < kDigits; ++d, unit /= 65536) {
    u.units[d] = unit;
    u.reciprocals[d] = 1 / unit;
  }
  return u;
}

/** The digits of a pixel, and the squares of what each leaves. */
DDPM_HOST_DEVICE void split_pixel(const Units& u, float x, int32_t (&digits)[kDigits], double (&squares)[kDigits]) {
  double rest = x;
  for (int d = 0; d < kDigits; ++d) {
    double digit = rint(rest * u.reciprocals[d]);
    digit = digit > 32767 ? 32767 : (digit < -32767 ? -32767 : digit);
    rest -= digit * u.units[d];
    digits[d] = static_cast<int32_t>(digit);
    squares[d] = rest * rest;
  }
}

/** A digit as signed * 256 + unsigned. */
DDPM_HOST_DEVICE int8_t upper_byte(int32_t digit) { return static_cast<int8_t>(digit >> 8); }
DDPM_HOST_DEVICE uint8_t lower_byte(int32_t digit) { return static_cast<uint8_t>(digit & 255); }

/** largest: the largest |x_t|, which may be infinite or NaN; squares: sums over pixels, in their order. */
DDPM_HOST_DEVICE Query query_of(float largest, const Units& u, const double (&squares)[kDigits], int64_t pixels,
                                double largest_norm, double signal, double variance) {
  Query query{};
  double scale = signal / variance * kLog2E, size = sqrt(static_cast<double>(pixels));
  if (!(largest <= kLargestFinite) || scale * largest * size * (largest_norm + size) > kLargestLambda) return query;
  double doubt[kDigits];
  for (int d = 0; d < kDigits; ++d) {
    query.factor[d] = scale / 127.5 * u.units[d];
    doubt[d] = scale * sqrt(squares[d]) * largest_norm;
  }
  query.doubt = doubt[0];
  // log2 differs between libraries in the last bit: no result shows it unless an image is within that bit of the limit.
  double places = query.doubt < 0.5 ? log2(kChunk * query.doubt / kTolerance) : kCutoff;
  query.refined_places = places < kCutoff ? places : kCutoff;
  query.digits = 1;
  while (query.digits < kDigits && doubt[query.digits - 1] > kTolerance) ++query.digits;
  return query;
}

DDPM_HOST_DEVICE double norm_factor(double signal, double variance) {
  return signal * signal / (2 * variance) / 65025 * kLog2E;
}

/** A chunk's k for its largest lambda. */
DDPM_HOST_DEVICE int64_t exponent_of(double largest) { return static_cast<int64_t>(floor(largest)) + 1; }

/** The bin of a chunk's upper weight digits, multiples of 2^(k - 15); the lower ones go to the next bin below. */
DDPM_HOST_DEVICE int64_t bin_of(int64_t k) {
  int64_t a = k - kBinBits;
  return a / kBinBits - (a % kBinBits < 0);
}

/** Places by which both digits are shifted within their bins. */
DDPM_HOST_DEVICE int shift_of(int64_t k) { return static_cast<int>(k - kBinBits - kBinBits * bin_of(k)); }

/** Whether a bin is kept beside a top bin, which may be kNoBin. */
DDPM_HOST_DEVICE bool is_kept(int64_t bin, int64_t top) { return top == kNoBin || bin > top - kBins; }

/** Whether a chunk whose largest lambda this is will be in the bins that are kept beside the top one so far. */
DDPM_HOST_DEVICE bool can_matter(double lambda, int64_t top) {
  return !(lambda < -kLargestLambda) && is_kept(bin_of(exponent_of(lambda)), top);
}

/** 2^x for x <= 0; 0 for x below -1000. */
DDPM_HOST_DEVICE double exp2_negative(double x) {
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
  bits = static_cast<int64_t>(static_cast<uint64_t>(bits + 1023) << 52);
  double power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/** The weight of an image in its chunk, of 30 places. */
DDPM_HOST_DEVICE int32_t weight_of(double lambda, double k) {
  int32_t whole = static_cast<int32_t>(rint(exp2_negative(lambda - k) * (1 << 30)));
  return whole < 1 << 30 ? whole : (1 << 30) - 1;
}

/** Whether one digit of weight will do for a chunk with this sum of weights. */
DDPM_HOST_DEVICE bool is_flat(int64_t total, int64_t count) { return total >= count << 27; }

/** A weight rounded to its upper digit. */
DDPM_HOST_DEVICE int32_t flat_weight(int32_t whole) {
  int32_t rounded = (whole + (1 << (kBinBits - 1))) >> kBinBits << kBinBits;
  return rounded < 1 << 30 ? rounded : 32767 << kBinBits;
}

DDPM_HOST_DEVICE int32_t upper_digit(int32_t whole) { return whole >> kBinBits; }
DDPM_HOST_DEVICE int32_t lower_digit(int32_t whole) { return whole & 32767; }

}  // namespace ddpm::cuda
