#pragma once
#include <cmath>

#include "common/precision.h"
#include "cuda/device.h"

/** Products of tiles of float32 in shared memory; convolution.cu tells why they are as they are. */
namespace ddpm::cuda {

/** A block's tile of results: four warps take a quarter each, in matrices of 16 x 8. */
template <int kTileRows, int kTileColumns>
struct Tile {
  static constexpr int kRows = kTileRows, kColumns = kTileColumns, kDepth = 16, kThreads = 128, kStages = 3;
  static constexpr int kHigh = kRows / 32, kWide = kColumns / 16;  // matrices of a warp
  static constexpr int kStageFloats = (kRows + kColumns) * kDepth;
  static constexpr int kSharedBytes = kStages * kStageFloats * 4;
};
using SmallTile = Tile<64, 64>;
using LargeTile = Tile<128, 128>;

/** A thread's results: element e of matrix m of its warp's high and n of its wide. */
template <class T>
struct Results {
  float sums[T::kHigh][T::kWide][4] = {};
  int lane, first_row, first_column;

  DDPM_DEVICE Results() {
    int thread = static_cast<int>(threadIdx.x);
    lane = thread % 32;
    first_row = thread / 32 % 2 * (T::kRows / 2);
    first_column = thread / 64 * (T::kColumns / 2);
  }
  DDPM_DEVICE int row(int m, int e) const { return first_row + m * 16 + lane / 4 + e / 2 * 8; }
  DDPM_DEVICE int column(int n, int e) const { return first_column + n * 8 + lane % 4 * 2 + e % 2; }
};

/**
 * A warp's part of an operand with the depth side by side: rows of 16 floats. Pieces of 16 bytes change places so that
 * eight rows' are in different banks.
 */
class Along {
 public:
  DDPM_DEVICE Along(const float* tile, int first) : part_(tile + first * 16) {}

  DDPM_DEVICE static int place(int row, int depth) { return row * 16 + ((depth / 4 ^ (row / 2 & 3)) * 4 + depth % 4); }

  /** words[h][r]: the fragment of multiply_tf32 at rows 16 m and on and depths 8 h and on. */
  DDPM_DEVICE void load_rows(int m, int lane, uint32_t (&words)[2][4]) const {
#pragma unroll
    for (int h = 0; h < 2; ++h) load(16 * m, place(lane % 16, 8 * h + lane / 16 * 4), words[h]);
  }
  /** words[j]: column 8 n + lane / 4 at depth 4 j + lane % 4. */
  DDPM_DEVICE void load_columns(int n, int lane, uint32_t (&words)[4]) const {
    load(8 * n, place(lane % 8, lane / 8 * 4), words);
  }
  /** Four depths of a row or column 8 i + line. */
  DDPM_DEVICE float4 floats(int i, int line, int depth) const {
    return *reinterpret_cast<const float4*>(part_ + 8 * 16 * i + place(line, depth));
  }

 private:
  DDPM_DEVICE void load(int first, int place, uint32_t (&words)[4]) const {
    load_matrices(words, shared_address(part_) + 4 * static_cast<uint32_t>(place) + 64 * static_cast<uint32_t>(first));
  }

  const float* part_;
};

/**
 * A warp's part of an operand with the depth as lines of kWidth floats. Pieces of 32 bytes change places so that four
 * depths' are in different banks.
 */
template <int kWidth>
class Across {
 public:
  DDPM_DEVICE Across(const float* tile, int first) : part_(tile + first) {}

  DDPM_DEVICE static int place(int depth, int i) {
    return depth * kWidth + i / 32 * 32 + (i / 8 % 4 ^ depth % 4) * 8 + i % 8;
  }

  DDPM_DEVICE void load_rows(int m, int lane, uint32_t (&words)[2][4]) const {
#pragma unroll
    for (int r = 0; r < 8; ++r)
      words[r / 4][r % 4] = __float_as_uint(*at(r / 2 * 4 + lane % 4, 2 * m + r % 2, lane / 4));
  }
  DDPM_DEVICE void load_columns(int n, int lane, uint32_t (&words)[4]) const {
#pragma unroll
    for (int j = 0; j < 4; ++j) words[j] = __float_as_uint(*at(4 * j + lane % 4, n, lane / 4));
  }
  /** Rows or columns 8 i + line and on, up to the next 8, at a depth. */
  DDPM_DEVICE const float* at(int depth, int i, int line) const { return part_ + place(depth, 8 * i) + line; }

 private:
  const float* part_;
};

DDPM_DEVICE uint32_t round_tf32(uint32_t word) { return round_tf32(__uint_as_float(word)); }
DDPM_DEVICE uint32_t pack_bf16(uint32_t low, uint32_t high) {
  return pack_bf16(__uint_as_float(low), __uint_as_float(high));
}

/** Adds the product of two tiles, on the tensor cores. */
template <Precision kPrecision>
struct Product {
  template <class T, class Rows, class Columns>
  DDPM_DEVICE static void add(const Rows& a, const Columns& b, Results<T>& to) {
    // Of a matrix of 16 x 16, multiply_tf32 takes 8 depths at a time. multiply_bf16 takes pairs of neighbours where
    // here depths d and d + 4 make a pair: in both operands, so the sum is the same.
    uint32_t rows[T::kHigh][2][4];
#pragma unroll
    for (int m = 0; m < T::kHigh; ++m) {
      uint32_t words[2][4];
      a.load_rows(m, to.lane, words);
#pragma unroll
      for (int r = 0; r < 8; ++r)
        if constexpr (kPrecision == Precision::kTf32) rows[m][r / 4][r % 4] = round_tf32(words[r / 4][r % 4]);
#pragma unroll
      for (int r = 0; r < 4; ++r)
        if constexpr (kPrecision == Precision::kBfloat16)
          rows[m][0][r] = pack_bf16(words[r / 2][r % 2], words[r / 2][r % 2 + 2]);
    }
#pragma unroll
    for (int n = 0; n < T::kWide; ++n) {
      uint32_t c[4];
      b.load_columns(n, to.lane, c);
      if constexpr (kPrecision == Precision::kTf32) {
#pragma unroll
        for (int j = 0; j < 4; ++j) c[j] = round_tf32(c[j]);
#pragma unroll
        for (int m = 0; m < T::kHigh; ++m) {
          multiply_tf32(to.sums[m][n], rows[m][0], c[0], c[1]);
          multiply_tf32(to.sums[m][n], rows[m][1], c[2], c[3]);
        }
      } else {
        uint32_t low = pack_bf16(c[0], c[1]), high = pack_bf16(c[2], c[3]);
#pragma unroll
        for (int m = 0; m < T::kHigh; ++m) multiply_bf16(to.sums[m][n], rows[m][0], low, high);
      }
    }
  }
};

/** In float32: one fused multiply-add after the other, by depth. */
template <>
struct Product<Precision::kFloat32> {
  template <class T, class Rows>
  DDPM_DEVICE static void add(const Rows& a, const Along& b, Results<T>& to) {
#pragma unroll 1
    for (int depth = 0; depth < T::kDepth; depth += 4) {
      float4 rows[T::kHigh][2];
#pragma unroll
      for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
        for (int h = 0; h < 2; ++h) rows[m][h] = a.floats(2 * m + h, to.lane / 4, depth);
#pragma unroll
      for (int n = 0; n < T::kWide; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float4 column = b.floats(n, to.lane % 4 * 2 + e, depth);
#pragma unroll
          for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
              float& sum = to.sums[m][n][2 * h + e];
              sum = fmaf(rows[m][h].x, column.x, sum);
              sum = fmaf(rows[m][h].y, column.y, sum);
              sum = fmaf(rows[m][h].z, column.z, sum);
              sum = fmaf(rows[m][h].w, column.w, sum);
            }
        }
    }
  }

  template <class T, int kHeight, int kWidth>
  DDPM_DEVICE static void add(const Across<kHeight>& a, const Across<kWidth>& b, Results<T>& to) {
#pragma unroll 2
    for (int depth = 0; depth < T::kDepth; ++depth) {
      float rows[T::kHigh][2];
#pragma unroll
      for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
        for (int h = 0; h < 2; ++h) rows[m][h] = *a.at(depth, 2 * m + h, to.lane / 4);
#pragma unroll
      for (int n = 0; n < T::kWide; ++n) {
        float2 columns = *reinterpret_cast<const float2*>(b.at(depth, n, to.lane % 4 * 2));
#pragma unroll
        for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            to.sums[m][n][2 * h] = fmaf(rows[m][h], columns.x, to.sums[m][n][2 * h]);
            to.sums[m][n][2 * h + 1] = fmaf(rows[m][h], columns.y, to.sums[m][n][2 * h + 1]);
          }
      }
    }
  }
};

struct Nothing {
  DDPM_DEVICE void operator()() const {}
};

/**
 * The loop over the depth: load(stage) starts the copies of the next step, multiply(stage) adds a step that has come.
 * While one is multiplied, two are on their way. Before the barrier that shows a step's copies to all, arrived() may
 * change those of its own thread.
 */
template <class T, int kStageFloats = T::kStageFloats, class Load, class Multiply, class Arrived = Nothing>
DDPM_DEVICE void pipeline(int steps, float* memory, Load&& load, const Multiply& multiply,
                          const Arrived& arrived = {}) {
  for (int s = 0; s < T::kStages - 1; ++s) {
    if (s < steps) load(memory + s * kStageFloats);
    copy_commit();
  }
  int now = 0, next = T::kStages - 1;
  for (int step = 0; step < steps; ++step) {
    copy_wait<T::kStages - 2>();
    arrived();
    __syncthreads();
    if (step + T::kStages - 1 < steps) load(memory + next * kStageFloats);
    copy_commit();
    multiply(memory + now * kStageFloats);
    now = now == T::kStages - 1 ? 0 : now + 1;
    next = next == T::kStages - 1 ? 0 : next + 1;
  }
}

}  // namespace ddpm::cuda
