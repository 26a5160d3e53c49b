// The microkernel of AVX-512 with BF16. VDPBF16PS adds the products of both halves of a pair to a float32: twice the
// multiply-adds of an FMA. It takes denormal numbers for zero.
//
// The only file that is compiled for these instructions: call it only where has_bfloat16_dots().
#include <immintrin.h>

#include "cpu/kernels/bfloat16.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

inline __attribute__((always_inline)) __m512bh pairs_in(Vec v) { return reinterpret_cast<__m512bh>(v); }

template <int kVectors>
void multiply_panel(const float* const* rows, const int64_t* steps, int64_t taps, int64_t count, const float* panel,
                    float* sums) {
  constexpr int kWidth = kVectors * kLanes;
  __m512 sum[kTileRows][kVectors] = {};
  for (int64_t t = 0; t < taps; ++t, rows += kTileRows) {
    const float* b_row = panel + steps[t] * count * kWidth;
    for (int64_t d = 0; d < count; ++d, b_row += kWidth) {
      __m512bh b[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) b[j] = pairs_in(load(b_row + j * kLanes));
#pragma GCC unroll 16
      for (int i = 0; i < kTileRows; ++i) {
        // As a whole number: pairs are no floats to compute with.
        int32_t pair;
        std::memcpy(&pair, rows[i] + d, sizeof pair);
        __m512bh a = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], a, b[j]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) store(sums + i * kWidth + j * kLanes, sum[i][j]);
}

}  // namespace

void multiply_pairs(const float* const* rows, const int64_t* steps, int64_t taps, int64_t count, const float* panel,
                    int vectors, float* sums) {
  vectors == kTileVectors ? multiply_panel<kTileVectors>(rows, steps, taps, count, panel, sums)
                          : multiply_panel<1>(rows, steps, taps, count, panel, sums);
}

}  // namespace ddpm::cpu::DDPM_ISA
