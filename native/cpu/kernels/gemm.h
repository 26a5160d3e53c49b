#pragma once
#include <cstdint>
#include <cstring>

#include "cpu/kernels/vector.h"

/**
 * The matrix-product microkernels: the core under convolution, linear maps and attention.
 *
 * A tile of sums stays in registers over the whole reduction. One side is broadcast, an element at a time; the other
 * comes as vectors from a panel: neighbouring columns of a matrix stored together, row after row, zeros in columns that
 * do not exist. A matrix is a sequence of panels of kPanel columns; if its last columns fit one vector, the last panel
 * is one vector wide.
 *
 * Every element of a tile is summed in the order of the reduction by the same instructions, so a result does not depend
 * on where in a tile, or in which tile, it is computed.
 */
namespace ddpm::cpu::DDPM_ISA {

/** Tiles of multiply_rows: as many rows as leave registers for a row of the panel and a broadcast, 12 sums of 16 or 16
 * of 32. */
constexpr int kTileVectors = 2;
constexpr int kPanel = kTileVectors * kLanes;
#if defined(__AVX512F__)
constexpr int kTileRows = 8;
#else
constexpr int kTileRows = 6;
#endif

/**
 * Tiles of multiply_columns. Here the sums are many and the reduction is cut into blocks, so what counts is that the
 * tile divides common channel counts: four, and with a 3 x 3 window three vectors too.
 */
constexpr int kColumnTileRows = 4;
constexpr int kColumnTileVectors = 3;

namespace {

template <int kRows, int kVectors>
struct Tile {
  Vec sum[kRows][kVectors];
};

/**
 * sum[i][j] = sum over t < taps and d < depth of rows[t * kTileRows + i][d] * panel[(steps[t] * depth + d) * width +
 * j]: rows of one operand wherever they lie in memory, so that neither an im2col copy nor a packed left side is needed.
 * Tap t is step steps[t] of the panel.
 */
template <int kVectors>
inline __attribute__((always_inline)) Tile<kTileRows, kVectors> multiply_rows(const float* const* rows,
                                                                              const int64_t* steps, int64_t taps,
                                                                              int64_t depth, const float* panel) {
  constexpr int kWidth = kVectors * kLanes;
  Tile<kTileRows, kVectors> tile = {};
  for (int64_t t = 0; t < taps; ++t, rows += kTileRows) {
    const float* row[kTileRows];
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) row[i] = rows[i];
    const float* b_row = panel + steps[t] * depth * kWidth;
    for (int64_t d = 0; d < depth; ++d, b_row += kWidth) {
      Vec b[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) b[j] = load(b_row + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < kTileRows; ++i) {
        Vec a = broadcast(row[i][d]);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) tile.sum[i][j] += a * b[j];
      }
    }
  }
  return tile;
}

/** sum[i][j] = sum over d < depth of a[d * a_stride + i] * b[d * b_stride + j]: a product of columns, as weight
 * gradients are. */
template <int kVectors>
inline __attribute__((always_inline)) Tile<kColumnTileRows, kVectors> multiply_columns(const float* a, int64_t a_stride,
                                                                                       int64_t depth, const float* b,
                                                                                       int64_t b_stride) {
  Tile<kColumnTileRows, kVectors> tile = {};
  for (int64_t d = 0; d < depth; ++d, a += a_stride, b += b_stride) {
    Vec row[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) row[j] = load(b + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kColumnTileRows; ++i) {
      Vec x = broadcast(a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) tile.sum[i][j] += x * row[j];
    }
  }
  return tile;
}

/** Width of the panel that starts at a column. */
inline int64_t panel_width(int64_t columns, int64_t first) { return columns - first > kLanes ? kPanel : kLanes; }

/** Floats that the panels of a matrix take. Panel p starts at p * depth * kPanel. */
inline int64_t panels_size(int64_t depth, int64_t columns) { return divide_up(columns, kPanel) * depth * kPanel; }

/** The panel of the matrix [depth,columns] that starts at column first and is so many columns wide. */
inline void pack_panel(const float* matrix, int64_t stride, int64_t depth, int64_t first, int64_t columns,
                       int64_t width, float* panel) {
  for (int64_t d = 0; d < depth; ++d)
    for (int64_t j = 0; j < width; j += kLanes)
      store(panel + d * width + j, load_columns(matrix + d * stride, first + j, columns));
}

/**
 * The panel of the transpose of the matrix [columns,depth] that starts at column first: rows of the matrix become
 * columns. Rows of the panel are next_row apart, by default its width.
 */
inline void pack_panel_transposed(const float* matrix, int64_t stride, int64_t depth, int64_t first, int64_t columns,
                                  float* panel, int64_t next_row = 0) {
  int64_t width = panel_width(columns, first);
  if (next_row == 0) next_row = width;
  for (int64_t j = 0; j < width; j += kLanes) {
    int64_t count = columns - first - j < kLanes ? columns - first - j : kLanes;
    const float* rows = matrix + (first + j) * stride;
    int64_t d = 0;
    for (; d + kLanes <= depth; d += kLanes) {
      Vec block[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) block[i] = i < count ? load(rows + i * stride + d) : Vec{};
      transpose(block);
#pragma GCC unroll 16
      for (int64_t i = 0; i < kLanes; ++i) store(panel + (d + i) * next_row + j, block[i]);
    }
    for (; d < depth; ++d)
      for (int64_t i = 0; i < kLanes; ++i) panel[d * next_row + j + i] = i < count ? rows[i * stride + d] : 0.0f;
  }
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
