// From queries to digits, and from logarithms to weights. No contraction to FMA: the same bits on every instruction
// set.
#include "cpu/kernels/optimal.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** 2^x for x <= 0, as good as double allows; 0 for x below -1000. */
inline __attribute__((always_inline)) double exp2_negative(double x) {
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
  std::memcpy(&bits, &shifted, sizeof bits);
  bits =
      static_cast<int64_t>(static_cast<uint64_t>(bits + 1023) << 52);  // the exponent's twelve bits push out the others
  double power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

/** Of the first digit, so that what is carried on to the next pixels has room. */
constexpr double kLargestFirst = 32764;

/** The second digit's unit is so much smaller: what shaping leaves after the first is up to two units, either way. */
constexpr double kShapedSecond = 16384;

/**
 * The first digit, rounded so that what is left, e[p] - 2 e[p-1] + e[p-2] of rounding errors e along a channel, has
 * next to no low frequencies. There the images have their energy: left to chance, it would move all their distances
 * together.
 */
void shape_first_digit(const float* xt, const ByteImages& data, double step, int16_t* digits) {
  double reciprocal = 1 / step;
  for (int64_t c = 0; c < data.channels; ++c) {
    double last = 0, before = 0;
    for (int64_t p = c; p < data.pixels(); p += data.channels) {
      double wanted = xt[p] * reciprocal + 2 * last - before, digit = std::rint(wanted);
      digits[p] = static_cast<int16_t>(digit > 32767 ? 32767 : (digit < -32767 ? -32767 : digit));
      before = last;
      last = wanted - digit;
    }
  }
}

}  // namespace

double largest_norm(const ByteImages& data) {
  double largest = 0;
  for (int64_t i = 0; i < data.images; ++i) largest = data.norms[i] > largest ? data.norms[i] : largest;
  return std::sqrt(largest) / 255;
}

Query split_query(const float* xt, const ByteImages& data, double largest_norm, double signal, double variance,
                  bool shaped, int16_t* digits) {
  Query query{};
  int64_t pixels = data.pixels(), row = data.row_bytes();
  for (int d = 0; d < kDigits; ++d)
    std::memset(digits + d * row + pixels, 0, static_cast<size_t>(row - pixels) * sizeof(int16_t));
  float largest = 0;
  bool finite = true;
  for (int64_t p = 0; p < pixels; ++p) {
    float magnitude = std::fabs(xt[p]);
    finite &= magnitude <= 3.4e38f;
    largest = magnitude > largest ? magnitude : largest;
  }
  double scale = signal / variance * kLog2E, size = std::sqrt(static_cast<double>(pixels));
  if (!finite || scale * largest * size * (largest_norm + size) > kLargestLambda) return query;
  double step = largest > 0 ? static_cast<double>(largest) / kLargestFirst : 1;
  // A subnormal query would have an infinite reciprocal below; it is as good as zero.
  if (step < 1e-60) step = 1;
  const double second = shaped ? kShapedSecond : 65536;
  const double units[kDigits] = {step, step / second, step / second / 65536};
  if (shaped) shape_first_digit(xt, data, step, digits);
  double squares[kDigits] = {};
  for (int d = 0; d < kDigits; ++d) {
    double reciprocal = 1 / units[d];
    query.factor[d] = scale / 127.5 * units[d];
    int16_t* out = digits + d * row;
    double sum = 0;
    for (int64_t p = 0; p < pixels; ++p) {
      double rest = xt[p];
      for (int e = 0; e < d; ++e) rest -= digits[e * row + p] * units[e];
      if (d > 0 || !shaped) {
        double digit = std::rint(rest * reciprocal);
        out[p] = static_cast<int16_t>(digit > 32767 ? 32767 : (digit < -32767 ? -32767 : digit));
      }
      rest -= out[p] * units[d];
      sum += rest * rest;
    }
    squares[d] = sum;
  }
  // Cauchy and Schwarz: what is left of the query, times the longest image.
  for (int d = 0; d < kDigits; ++d) query.doubt[d] = scale * std::sqrt(squares[d]) * largest_norm;
  query.refined_places = refined_places(query.doubt[0]);
  query.digits = 1;
  while (query.digits < kDigits && query.doubt[query.digits - 1] > kTolerance) ++query.digits;
  return query;
}

void chunk_weights(const double* lambda, double largest, int64_t count, bool may_be_flat, ChunkWeights* weights) {
  int64_t k = static_cast<int64_t>(std::floor(largest)) + 1;
  double reference = static_cast<double>(k);
  int32_t whole[DDPM_OPTIMAL_CHUNK];
  for (int64_t i = 0; i < count; ++i)
    whole[i] = static_cast<int32_t>(std::rint(exp2_negative(lambda[i] - reference) * (1 << 30)));
  int64_t total = 0, positive = 0;
  for (int64_t i = 0; i < count; ++i) {
    whole[i] = whole[i] < 1 << 30 ? whole[i] : (1 << 30) - 1;
    total += whole[i];
    positive += whole[i] != 0;
  }
  weights->k = k;
  weights->flat = may_be_flat && total >= kFlatSum << 30;
  if (weights->flat)
    for (int64_t i = 0; i < count; ++i) {
      int32_t rounded = (whole[i] + (1 << (kBinBits - 1))) >> kBinBits << kBinBits;
      whole[i] = rounded < 1 << 30 ? rounded : 32767 << kBinBits;
    }
  weights->count = positive;
  weights->high_sum = weights->low_sum = 0;
  if (count % 2 != 0) whole[count] = 0;
  for (int64_t i = 0; i < count; i += 2) {
    int32_t a = whole[i], b = whole[i + 1];
    weights->high[i / 2] = a >> kBinBits | b >> kBinBits << 16;
    weights->low[i / 2] = (a & 32767) | (b & 32767) << 16;
    weights->high_sum += (a >> kBinBits) + (b >> kBinBits);
    weights->low_sum += (a & 32767) + (b & 32767);
  }
}

}  // namespace ddpm::cpu::DDPM_ISA
