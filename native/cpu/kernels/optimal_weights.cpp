// From queries to digits, and from logarithms to weights. No contraction to FMA: the same bits on every instruction
// set.
#include "cpu/kernels/optimal.h"

namespace ddpm::cpu::DDPM_ISA {

double largest_norm(const ByteImages& data) {
  double largest = 0;
  for (int64_t i = 0; i < data.images; ++i) largest = data.norms[i] > largest ? data.norms[i] : largest;
  return std::sqrt(largest) / 255;
}

Query split_query(const float* xt, const ByteImages& data, double largest_norm, double signal, double variance,
                  bool shaped, int16_t* digits) {
  int64_t pixels = data.pixels(), row = data.row_bytes();
  for (int d = 0; d < kDigits; ++d)
    std::memset(digits + d * row + pixels, 0, static_cast<size_t>(row - pixels) * sizeof(int16_t));
  uint32_t largest = 0;
  for (int64_t p = 0; p < pixels; ++p) largest = magnitude_of(xt[p]) > largest ? magnitude_of(xt[p]) : largest;
  if (!is_finite(float_of(largest), pixels, largest_norm, signal, variance)) return Query{};
  Units units = units_of(float_of(largest), shaped);
  if (shaped)
    for (int64_t c = 0; c < data.channels; ++c) {
      Shaper shaper{};
      for (int64_t p = c; p < pixels; p += data.channels)
        digits[p] = static_cast<int16_t>(shape_digit(shaper, units, xt[p]));
    }
  double squares[kDigits] = {};
  for (int64_t p = 0; p < pixels; ++p) {
    int32_t pixel[kDigits] = {shaped ? digits[p] : 0};
    double left[kDigits];
    split_pixel(units, xt[p], shaped ? 1 : 0, pixel, left);
    for (int d = 0; d < kDigits; ++d) {
      digits[d * row + p] = static_cast<int16_t>(pixel[d]);
      squares[d] += left[d];
    }
  }
  return query_of(units, squares, largest_norm, signal, variance);
}

void chunk_weights(const double* lambda, double largest, int64_t count, bool refined, int64_t images,
                   ChunkWeights* weights) {
  weights->k = exponent_of(largest);
  double k = static_cast<double>(weights->k);
  int32_t whole[kChunk];
  for (int64_t i = 0; i < count; ++i) whole[i] = weight_of(lambda[i], k);
  int64_t total = 0, positive = 0;
  for (int64_t i = 0; i < count; ++i) {
    total += whole[i];
    positive += whole[i] != 0;
  }
  weights->flat = is_flat(total, refined, images);
  if (weights->flat)
    for (int64_t i = 0; i < count; ++i) whole[i] = flat_weight(whole[i]);
  weights->count = positive;
  weights->high_sum = weights->low_sum = 0;
  if (count % 2 != 0) whole[count] = 0;
  for (int64_t i = 0; i < count; i += 2) {
    int32_t a = whole[i], b = whole[i + 1];
    weights->high[i / 2] = upper_digit(a) | upper_digit(b) << 16;
    weights->low[i / 2] = lower_digit(a) | lower_digit(b) << 16;
    weights->high_sum += upper_digit(a) + upper_digit(b);
    weights->low_sum += lower_digit(a) + lower_digit(b);
  }
}

}  // namespace ddpm::cpu::DDPM_ISA
