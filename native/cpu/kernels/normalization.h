#pragma once
#include <cstdint>
#include <cstring>

#include "common/backend.h"
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/joined.h"

/**
 * The parts of a group normalisation, for an op that reads its input through one: the first pass gives coefficients,
 * the second applies them to pixels, of which the op asks when it needs them. The bits are those of group_norm.
 */
namespace ddpm::cpu::DDPM_ISA {

/** Numbers per channel of an image: mean, factor, offset. */
constexpr int64_t kNormCoefficients = 3;

/** Coefficients [N,kNormCoefficients,C] of a group normalisation that reads its x from two places and has no y. */
void norm_coefficients(const GroupNormArgs& args, const Joined& from, float* coefficients);

namespace {

/** y = act((x - mean) factor + offset) for so many of the c channels of one pixel; the coefficients are the first's. */
inline void normalize(const float* x, const float* coefficients, int64_t c, int64_t count, bool silu, float* y) {
  auto map_channels = [&](auto act) {
    map_range(
        0, count, y, [act](Vec v, Vec m, Vec f, Vec o) { return act((v - m) * f + o); }, x, coefficients,
        coefficients + c, coefficients + 2 * c);
  };
  if (silu)
    map_channels([](Vec v) { return silu_of(v); });
  else
    map_channels([](Vec v) { return v; });
}

/**
 * Joins the channels of pixels [first, first + count) and normalises them by their image's coefficients, unless those
 * are null: y [count,x_c+skip_c].
 */
inline void prepare_pixels(const Joined& from, const float* coefficients, bool silu, int64_t first, int64_t count,
                           float* y) {
  int64_t c = from.c();
  auto prepare = [&](const float* x, int64_t channels, int64_t at, float* to) {
    if (coefficients == nullptr)
      std::memcpy(to, x, static_cast<size_t>(channels) * sizeof(float));
    else
      normalize(x, coefficients + at, c, channels, silu, to);
  };
  for (int64_t p = first; p < first + count; ++p, y += c) {
    prepare(from.x + p * from.x_c, from.x_c, 0, y);
    if (from.skip_c > 0) prepare(from.skip + p * from.skip_c, from.skip_c, from.x_c, y + from.x_c);
  }
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
