#pragma once
#include <cstdint>
#include <cstring>

#include "cpu/kernels/vector.h"

/**
 * The matrix-product microkernels: the core under convolution, linear maps and attention.
 *
 * A tile of kTileRows x kPanel sums stays in registers over the whole reduction. One side is broadcast, an element at a time;
 * the other comes as vectors from a panel: kPanel neighbouring columns stored together, row after row, zeros in columns that
 * do not exist. Every element of a tile is summed in the order of the reduction by the same instructions, so a result does not
 * depend on where in a tile, or in which tile, it is computed.
 */
namespace ddpm::cpu::DDPM_ISA {

/** Two vectors wide; as many rows as leave registers for a panel's row and a broadcast: 12 of 16, or 16 of 32. */
constexpr int kTileVectors = 2;
constexpr int kPanel = kTileVectors * kLanes;
#if defined(__AVX512F__)
constexpr int kTileRows = 8;
#else
constexpr int kTileRows = 6;
#endif

namespace {

struct Tile {
  Vec sum[kTileRows][kTileVectors];
};

inline int64_t round_up(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }
inline int64_t divide_up(int64_t x, int64_t divisor) { return (x + divisor - 1) / divisor; }

/**
 * sum[i][j] = sum over t < taps and d < depth of rows[t * kTileRows + i][d] * panel[(t * depth + d) * kPanel + j]: rows of one
 * operand wherever they lie in memory, so that neither an im2col copy nor a packed left side is needed.
 */
inline __attribute__((always_inline)) Tile multiply_rows(const float* const* rows, int64_t taps, int64_t depth,
                                                         const float* panel) {
  Vec sum[kTileRows][kTileVectors] = {};
  for (int64_t t = 0; t < taps; ++t, rows += kTileRows) {
    const float* row[kTileRows];
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) row[i] = rows[i];
    for (int64_t d = 0; d < depth; ++d, panel += kPanel) {
      Vec b[kTileVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kTileVectors; ++j) b[j] = load(panel + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < kTileRows; ++i) {
        Vec a = broadcast(row[i][d]);
#pragma GCC unroll 4
        for (int j = 0; j < kTileVectors; ++j) sum[i][j] += a * b[j];
      }
    }
  }
  Tile tile;
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kTileVectors; ++j) tile.sum[i][j] = sum[i][j];
  return tile;
}

/**
 * sum[i][j] = sum over d < depth of a[d * a_stride + i] * panel[d * kPanel + j]: a product of columns, as weight gradients are.
 */
inline __attribute__((always_inline)) Tile multiply_columns(const float* a, int64_t a_stride, int64_t depth,
                                                            const float* panel) {
  Vec sum[kTileRows][kTileVectors] = {};
  for (int64_t d = 0; d < depth; ++d, a += a_stride, panel += kPanel) {
    Vec b[kTileVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kTileVectors; ++j) b[j] = load(panel + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) {
      Vec x = broadcast(a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < kTileVectors; ++j) sum[i][j] += x * b[j];
    }
  }
  Tile tile;
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kTileVectors; ++j) tile.sum[i][j] = sum[i][j];
  return tile;
}

/** Up to kPanel floats of a row as vectors; columns at and beyond count are zero. */
inline Vec load_columns(const float* row, int64_t column, int64_t count) {
  return column + kLanes <= count ? load(row + column) : load_first(row + column, count > column ? count - column : 0);
}

inline void store_columns(float* row, int64_t column, int64_t count, Vec v) {
  if (column + kLanes <= count)
    store(row + column, v);
  else if (count > column)
    store_first(row + column, v, count - column);
}

/** A panel of the matrix [depth,columns] from its column first on: kPanel columns of each row, zeros beyond the last. */
inline void pack_panel(const float* matrix, int64_t stride, int64_t depth, int64_t first, int64_t columns, float* panel) {
  for (int64_t d = 0; d < depth; ++d)
    for (int j = 0; j < kTileVectors; ++j)
      store(panel + d * kPanel + j * kLanes, load_columns(matrix + d * stride, first + j * kLanes, columns));
}

/** A panel of the transpose of the matrix [columns,depth]: rows first to first + kPanel - 1 become columns. */
inline void pack_panel_transposed(const float* matrix, int64_t stride, int64_t depth, int64_t first, int64_t columns,
                                  float* panel) {
  int64_t count = columns - first < kPanel ? columns - first : kPanel;
  if (count < kPanel) std::memset(panel, 0, static_cast<size_t>(depth * kPanel) * sizeof(float));
  for (int64_t j = 0; j < count; ++j) {
    const float* row = matrix + (first + j) * stride;
    for (int64_t d = 0; d < depth; ++d) panel[d * kPanel + j] = row[d];
  }
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
