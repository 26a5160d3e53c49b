#pragma once
#include <type_traits>

#include "cpu/kernels/gemm.h"
#include "cpu/kernels/indirect_product.h"
#include "cpu/kernels/winograd.h"
#include "cpu/kernels/winograd_transforms.h"

/**
 * Products of few tiles by weights that are transformed where they are used.
 *
 * A weight that few tiles share is waited for: from memory at 10 GB/s a core, the 36 floats that F(4 x 4) makes of 9
 * taps arrive in 350 cycles for 8 channels, and four tiles multiply them in 72. The taps arrive in 90 and are
 * transformed in 115 (353 instructions, with spills). A block of kLanes of the depth is transformed into the
 * first-level cache and multiplied there; sums go to that cache and back between blocks. All that a block reads lies
 * together, in the order that it is read: taps [panel][depth][9][width], inputs [block][position][tile][kLanes].
 *
 * Each sum is the same sequence of operations as by multiply_rows, so its bits are the same.
 */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Floats of a block of transformed weights [kPositions][kLanes][kPanel]: 18 KiB with lanes of eight. */
template <int kOutputs>
constexpr int64_t kTapsBlock = winograd_positions(kOutputs) * kLanes * kPanel;

/** sums[i][j] += sum over d < kLanes of rows[i][d] * weights[d][j], from zero if it is the first. */
template <int kRows, int kVectors>
inline void multiply_block(const float* rows, const float* weights, bool first, float* sums) {
  Tile<kRows, kVectors> tile = {};
  if (!first)
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) tile.sum[i][j] = load(sums + i * kPanel + j * kLanes);
#pragma GCC unroll 16
  for (int d = 0; d < kLanes; ++d) {
    Vec b[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) b[j] = load(weights + (d * kVectors + j) * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      Vec a = broadcast(rows[i * kLanes + d]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) tile.sum[i][j] += a * b[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) store(sums + i * kPanel + j * kLanes, tile.sum[i][j]);
}

template <int kOutputs, int kVectors>
void multiply_taps_panel(const float* taps, int64_t depth, const float* rows, int64_t count, float* block, float* sums,
                         int64_t next_sums) {
  constexpr int kPositions = winograd_positions(kOutputs), kWidth = kVectors * kLanes;
  for (int64_t first = 0; first < depth; first += kLanes) {
    int64_t left = depth - first < kLanes ? depth - first : kLanes;
    for (int64_t d = 0; d < left; ++d, taps += 9 * kWidth) {
      for (int t = 0; t < 9; ++t) __builtin_prefetch(taps + 9 * kWidth * kLanes + t * kWidth, 0, 3);
      for (int64_t j = 0; j < kWidth; j += kLanes) {
        Vec g[9];
#pragma GCC unroll 9
        for (int t = 0; t < 9; ++t) g[t] = load(taps + t * kWidth + j);
        transform_weights_tile<kOutputs>(
            g, [=](int position, Vec u) { store(block + (position * kLanes + d) * kWidth + j, u); });
      }
    }
    for (int64_t i = left * kWidth; i < kLanes * kWidth; i += kLanes)
      for (int position = 0; position < kPositions; ++position) store(block + position * kLanes * kWidth + i, Vec{});
    for (int position = 0; position < kPositions; ++position, rows += count * kLanes) {
      const float* weights = block + position * kLanes * kWidth;
      float* to = sums + position * next_sums;
      int64_t tile = 0;
      auto multiply = [&](auto rows_of_kernel) {
        constexpr int kRows = decltype(rows_of_kernel)::value;
        for (; tile + kRows <= count; tile += kRows)
          multiply_block<kRows, kVectors>(rows + tile * kLanes, weights, first == 0, to + tile * kPanel);
      };
      multiply(std::integral_constant<int, kTileRows>());
      multiply(std::integral_constant<int, 4>());
      multiply(std::integral_constant<int, 1>());
    }
  }
}

/**
 * The sums [position][tile][kPanel] of so many tiles, their inputs in rows, through one panel of taps; block holds
 * kTapsBlock.
 */
template <int kOutputs>
void multiply_taps(const PackedPanels& taps, int64_t panel, const float* rows, int64_t count, float* block, float* sums,
                   int64_t next_sums) {
  const float* from = taps.panels + panel * 9 * taps.depth * kPanel;
  panel_width(taps.columns, panel * kPanel) == kPanel
      ? multiply_taps_panel<kOutputs, kTileVectors>(from, taps.depth, rows, count, block, sums, next_sums)
      : multiply_taps_panel<kOutputs, 1>(from, taps.depth, rows, count, block, sums, next_sums);
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
