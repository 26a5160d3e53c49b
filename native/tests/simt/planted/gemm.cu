// A product of matrices as the convolutions make it: tiles by asynchronous copies in two stages, swizzled so that
// ldmatrix meets no bank twice, multiplied on tensor cores. A warp has 16 rows and all columns of the tile.
#include "simt/planted/planted.h"

namespace ddpm::cuda::planted {
namespace {

constexpr int kRowBytes = kGemmTile * 2, kTileBytes = kGemmTile * kRowBytes, kStageBytes = 2 * kTileBytes;

DDPM_DEVICE uint32_t place(int row, int piece, bool swizzled) {
  return static_cast<uint32_t>(row * kRowBytes + ((swizzled ? piece ^ (row >> 1 & 3) : piece) << 4));
}

/** A tile of a matrix [rows, columns] from (row, column) on; zeros beyond. */
DDPM_DEVICE void copy_tile(const Gemm& p, const uint16_t* from, int rows, int columns, int row, int column,
                           SharedAddress to) {
  for (int i = threadIdx.x; i < kGemmTile * 4; i += kGemmThreads) {
    int r = i / 4, piece = i % 4;
    bool in_rows = row + r < (p.bug == kOneRowTooMany ? rows + 1 : rows) || p.bug == kNoRowPredicate;
    bool in_columns = column + piece * 8 < columns || p.bug == kNoDepthPredicate;
    bool valid = in_rows && in_columns;
    const uint16_t* at = valid ? from + (row + r) * columns + column + piece * 8 : from;
    copy_async(to + place(r, piece, p.bug != kOtherSwizzleAtCopy) + (p.bug == kMisalignedCopy ? 8 : 0), at, valid);
  }
}

DDPM_DEVICE void copy_stage(const Gemm& p, int k, SharedAddress stage) {
  copy_tile(p, p.a, p.m, p.k, static_cast<int>(blockIdx.y) * kGemmTile, k, stage);
  copy_tile(p, p.b, p.k, p.n, k, static_cast<int>(blockIdx.x) * kGemmTile, stage + kTileBytes);
}

DDPM_DEVICE void multiply_stage(const Gemm& p, SharedAddress stage, float (&sums)[4][4]) {
  int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int step = 0; step < 2; ++step) {
    uint32_t a[4];
    int row = warp * 16 + (p.bug == kWrongLane ? lane % 8 : lane % 16) + (p.bug == kMatrixBeyondTile ? 96 : 0);
    bool swizzled = p.bug != kOtherSwizzleAtLoad;
    load_matrices(a, stage + place(row, step * 2 + lane / 16, swizzled) + (p.bug == kMisalignedMatrix ? 8 : 0));
    if (p.bug == kSwappedA) {
      uint32_t kept = a[1];
      a[1] = a[2];
      a[2] = kept;
    }
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      uint32_t b[4];
      SharedAddress at = stage + kTileBytes + place(step * 16 + lane % 16, pair * 2 + lane / 16, swizzled);
      if (p.bug == kNotTransposed)
        load_matrices(b, at);
      else
        load_matrices_transposed(b, at);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        uint32_t b0 = b[2 * half], b1 = b[2 * half + 1];
        float(&to)[4] = sums[p.bug == kWrongAccumulator ? pair : pair * 2 + half];
        if (p.bug == kSwappedB)
          multiply_bf16(to, a, b1, b0);
        else if (p.bug == kOtherElement)
          multiply_f16(to, a, b0, b1);
        else
          multiply_bf16(to, a, b0, b1);
      }
    }
  }
}

}  // namespace

__global__ void __launch_bounds__(kGemmThreads) gemm(Gemm p) {
  DDPM_DYNAMIC_SHARED(uint8_t, memory);
  SharedAddress stages = shared_address(memory);
  float sums[4][4] = {};
  int tiles = (p.k + kGemmTile - 1) / kGemmTile;
  if (p.bug == kOneTileTooFew) --tiles;
  copy_stage(p, 0, stages);
  if (p.bug != kNoCommit) copy_commit();
  for (int tile = 0; tile < tiles; ++tile) {
    if (tile + 1 < tiles || p.bug == kNoLastWait)
      copy_stage(p, (tile + 1) * kGemmTile, stages + static_cast<uint32_t>((tile + 1) % 2 * kStageBytes));
    copy_commit();
    if (p.bug == kWaitsForTooFew)
      copy_wait<2>();
    else if (p.bug != kNoWait)
      copy_wait<1>();
    if (p.bug != kNoBarrierAfterWait) __syncthreads();
    int stage = p.bug == kOtherStage ? (tile + 1) % 2 : tile % 2;
    multiply_stage(p, stages + static_cast<uint32_t>(stage * kStageBytes), sums);
    if (p.bug != kNoBarrierBeforeReuse) __syncthreads();
  }
  int lane = static_cast<int>(threadIdx.x) % 32;
  int row = static_cast<int>(blockIdx.y) * kGemmTile + static_cast<int>(threadIdx.x) / 32 * 16 + lane / 4;
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      int r = row + e / 2 * 8, column = static_cast<int>(blockIdx.x) * kGemmTile + j * 8 + lane % 4 * 2 + e % 2;
      if ((r < p.m && column < p.n) || p.bug == kNoStorePredicate) p.c[r * p.n + column] = sums[j][e];
    }
}

}  // namespace ddpm::cuda::planted
