#pragma once
#include "common/precision.h"
#include "cuda/quads.cuh"

/**
 * The two products of attention as a warp makes them, in each precision; attention.cuh has what is between them.
 *
 * Scores: 16 rows times 32 columns (tokens both), over a piece of up to 64 channels. Weights: 16 rows times 32 columns
 * of them, by a piece of 64 channels of the columns' tokens. Pieces are float32 in shared memory, [tokens,64], and
 * operands are rounded as they come to registers.
 *
 * Which lane has what follows mma.sync: lane 4 g + t has of each eight columns two, of the rows g and g + 8. For the
 * tensor cores these are columns 2 t and 2 t + 1, so that weights are the next product's left operand as they stand.
 * Channels are summed up in an order of our own: a lane takes eight neighbours of 32, by two loads of 16 bytes, as its
 * two or four columns of the operands.
 *
 * Pieces have rows of 68 floats (and a resident operand a number that is 4 more than a multiple of 64). So the loads of
 * 16 bytes, 8 lanes at a time on two rows or four, touch each bank once, and so do those of the second product, 32
 * lanes on four rows 2 t and eight columns.
 *
 * Float32 products are FMAs in the order of channels and tokens. There a lane's columns are t and t + 4 of eight, and
 * its channels of the result four neighbours of 16; weights go round the four lanes by shuffles.
 */
namespace ddpm::cuda {

constexpr int kAttentionColumns = 32, kPiece = 64, kPieceStride = kPiece + 4;

/** A warp's [16, 8 kTiles]: of eight columns a lane has two, of row g at 0 and 1, of row g + 8 at 2 and 3. */
template <int kTiles>
using Tiles = float[kTiles][4];

DDPM_DEVICE Quad quad_at(const float* p) { return *reinterpret_cast<const Quad*>(p); }

template <Precision kPrecision>
struct AttentionProducts {
  static constexpr bool kTf32 = kPrecision == Precision::kTf32;
  static constexpr int kNeighbours = 2;  // of a lane's channels
  int g, t;

  DDPM_DEVICE explicit AttentionProducts(int lane) : g(lane / 4), t(lane % 4) {}

  /** Which column a lane's number i of tile j is; likewise for channels. */
  DDPM_DEVICE int column(int j, int i) const { return 8 * j + 2 * t + i % 2; }
  DDPM_DEVICE int channel(int j, int i) const { return 8 * j + 2 * t + i % 2; }
  DDPM_DEVICE float exponential(float x) const { return __expf(x); }

  /** scores += the rows of a, from the warp's first, by the columns of b, over a width of channels. */
  DDPM_DEVICE void add_scores(const float* a, int a_stride, const float* b, int width, Tiles<4>& scores) const {
    for (int chunk = 0; chunk < width; chunk += 32) {
      int d = chunk + 8 * t;
      Quad low[2] = {quad_at(a + g * a_stride + d), quad_at(a + g * a_stride + d + 4)};
      Quad high[2] = {quad_at(a + (g + 8) * a_stride + d), quad_at(a + (g + 8) * a_stride + d + 4)};
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float* row = b + (8 * j + g) * kPieceStride + d;
        Quad right[2] = {quad_at(row), quad_at(row + 4)};
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const float(&l)[4] = low[h].at, (&u)[4] = high[h].at, (&r)[4] = right[h].at;
          multiply_four(scores[j], l, u, r);
        }
      }
    }
  }

  /** sums += weights by the channels of c, below the width. */
  DDPM_DEVICE void add_weighted(const Tiles<4>& weights, const float* c, int width, float (*sums)[4]) const {
#pragma unroll
    for (int j = 0; j < kPiece / 8; ++j) {
      if (8 * j >= width) continue;
      const float* column = c + 8 * j + g;
#pragma unroll
      for (int k = 0; k < 4; k += 2) {
        float r[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) r[i] = column[(8 * (k + i / 2) + 2 * t + i % 2) * kPieceStride];
        const float(&w)[4] = weights[k], (&x)[4] = weights[k + 1];
        const float low[4] = {w[0], w[1], x[0], x[1]}, high[4] = {w[2], w[3], x[2], x[3]};
        multiply_four(sums[j], low, high, r);
      }
    }
  }

 private:
  /** A product over 16: each lane of a row or column brings four of them. */
  DDPM_DEVICE void multiply_four(float (&sum)[4], const float (&low)[4], const float (&high)[4],
                                 const float (&right)[4]) const {
    if constexpr (kTf32) {
#pragma unroll
      for (int i = 0; i < 4; i += 2) {
        uint32_t left[4] = {round_tf32(low[i]), round_tf32(high[i]), round_tf32(low[i + 1]), round_tf32(high[i + 1])};
        multiply_tf32(sum, left, round_tf32(right[i]), round_tf32(right[i + 1]));
      }
    } else {
      uint32_t left[4] = {pack_bf16(low[0], low[1]), pack_bf16(high[0], high[1]), pack_bf16(low[2], low[3]),
                          pack_bf16(high[2], high[3])};
      multiply_bf16(sum, left, pack_bf16(right[0], right[1]), pack_bf16(right[2], right[3]));
    }
  }
};

template <>
struct AttentionProducts<Precision::kFloat32> {
  static constexpr int kNeighbours = 4;
  int g, t;

  DDPM_DEVICE explicit AttentionProducts(int lane) : g(lane / 4), t(lane % 4) {}

  DDPM_DEVICE int column(int j, int i) const { return 8 * j + t + 4 * (i % 2); }
  DDPM_DEVICE int channel(int j, int i) const { return 16 * (j / 2) + 4 * t + 2 * (j % 2) + i % 2; }
  DDPM_DEVICE float exponential(float x) const { return expf(x); }

  DDPM_DEVICE void add_scores(const float* a, int a_stride, const float* b, int width, Tiles<4>& scores) const {
#pragma unroll 1
    for (int d = 0; d < width; d += 4) {
      Quad low = quad_at(a + g * a_stride + d), high = quad_at(a + (g + 8) * a_stride + d);
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          Quad right = quad_at(b + column(j, e) * kPieceStride + d);
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            scores[j][e] = fmaf(low.at[i], right.at[i], scores[j][e]);
            scores[j][2 + e] = fmaf(high.at[i], right.at[i], scores[j][2 + e]);
          }
        }
    }
  }

  DDPM_DEVICE void add_weighted(const Tiles<4>& weights, const float* c, int width, float (*sums)[4]) const {
#pragma unroll
    for (int k = 0; k < kAttentionColumns; k += 4)
#pragma unroll 2
      for (int lane = 0; lane < 4; ++lane) {
        // Of the four lanes of a row, each has one of the columns k to k + 3.
        float low = __shfl_sync(0xffffffffu, weights[k / 8][k % 8 / 4], lane, 4);
        float high = __shfl_sync(0xffffffffu, weights[k / 8][2 + k % 8 / 4], lane, 4);
#pragma unroll
        for (int j = 0; j < kPiece / 8; j += 2) {
          if (8 * j >= width) continue;
          Quad right = quad_at(c + (k + lane) * kPieceStride + 8 * j + 4 * t);
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            sums[j + i / 2][i % 2] = fmaf(low, right.at[i], sums[j + i / 2][i % 2]);
            sums[j + i / 2][2 + i % 2] = fmaf(high, right.at[i], sums[j + i / 2][2 + i % 2]);
          }
        }
      }
  }
};

}  // namespace ddpm::cuda
