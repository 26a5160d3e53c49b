#pragma once
#include <cstdint>

#include "cpu/kernels/gemm.h"

/**
 * Products of operands that are rounded to bfloat16 (to nearest, ties to even), summed in float32.
 *
 * Weights lie as pairs: two neighbours of the reduction in 32 bits, the first in the lower half, with zero beside a
 * last one that is alone. A pair is what VDPBF16PS takes; elsewhere each half becomes a float32 by one instruction. So
 * they take half the memory of float32, which is what small batches cost.
 */
namespace ddpm::cpu::DDPM_ISA {

/**
 * multiply_rows by VDPBF16PS: rows and panel are pairs, and count of pairs stands for depth. Writes
 * [kTileRows][vectors * kLanes] sums. Only where has_bfloat16_dots(); of AVX-512 alone.
 */
void multiply_pairs(const float* const* rows, const int64_t* steps, int64_t taps, int64_t count, const float* panel,
                    int vectors, float* sums);

namespace {

typedef uint32_t BitVec __attribute__((vector_size(kLanes * 4)));
typedef uint64_t WideBitVec __attribute__((vector_size(kLanes * 4)));
typedef uint32_t HalfBitVec __attribute__((vector_size(kLanes * 2), aligned(4), may_alias));

constexpr uint32_t kUpperHalf = 0xFFFF0000;

/** Whether this machine has AVX-512 with VDPBF16PS. */
inline bool has_bfloat16_dots() {
#if defined(__AVX512F__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

/** Floats that a row of so many takes as pairs. */
inline int64_t pairs_of(int64_t count) { return divide_up(count, 2); }

/** Lanes rounded to bfloat16, as the bits of float32. Infinity and NaN stay what they are. */
inline __attribute__((always_inline)) BitVec round_to_bfloat16(Vec v) {
  BitVec bits = reinterpret_cast<BitVec>(v);
  BitVec rounded = bits + 0x7FFF + (bits >> 16 & 1);
  return (v == v ? rounded : bits | 0x00400000) & kUpperHalf;
}

/** to[0..count) = from, rounded, and zero behind it if count is odd. */
inline void round_row(const float* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; i += kLanes) {
    Vec rounded = reinterpret_cast<Vec>(round_to_bfloat16(load_columns(from, i, count)));
    store_columns(to, i, count, rounded);
  }
  if (count % 2 != 0) to[count] = 0;
}

/** The pairs of from[0..count). */
inline void pair_row(const float* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; i += kLanes) {
    WideBitVec two = reinterpret_cast<WideBitVec>(round_to_bfloat16(load_columns(from, i, count)));
    WideBitVec pair = (two >> 16 & 0xFFFF) | (two >> 32 & kUpperHalf);
    auto pairs = __builtin_convertvector(pair, HalfBitVec);
    int64_t left = pairs_of(count - i);
    if (left >= kLanes / 2) {
      *reinterpret_cast<HalfBitVec*>(to + i / 2) = pairs;
    } else {
      std::memcpy(to + i / 2, &pairs, static_cast<size_t>(left) * sizeof(float));
    }
  }
}

/** multiply_rows with rows of an even depth of rounded floats, and a panel of pairs. */
template <int kVectors>
inline __attribute__((always_inline)) Tile<kTileRows, kVectors> multiply_widened(const float* const* rows,
                                                                                 const int64_t* steps, int64_t taps,
                                                                                 int64_t depth, const float* panel) {
  constexpr int kWidth = kVectors * kLanes;
  Tile<kTileRows, kVectors> tile = {};
  for (int64_t t = 0; t < taps; ++t, rows += kTileRows) {
    const float* row[kTileRows];
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) row[i] = rows[i];
    const float* pairs = panel + steps[t] * (depth / 2) * kWidth;
    for (int64_t d = 0; d < depth; d += 2, pairs += kWidth) {
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        Vec b[kVectors];
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) {
          BitVec both = reinterpret_cast<BitVec>(load(pairs + j * kLanes));
          b[j] = reinterpret_cast<Vec>(half == 0 ? both << 16 : both & kUpperHalf);
        }
#pragma GCC unroll 16
        for (int i = 0; i < kTileRows; ++i) {
          Vec a = broadcast(row[i][d + half]);
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; ++j) tile.sum[i][j] += a * b[j];
        }
        // Read the pairs again for the second half: there are no registers to keep them in.
        __asm__("" : "+r"(pairs));
      }
    }
  }
  return tile;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
