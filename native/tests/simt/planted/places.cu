// What kernels do with places in memory: a transposition by way of a tile, a histogram by atomics.
#include "simt/planted/planted.h"

namespace ddpm::cuda::planted {

__global__ void __launch_bounds__(kTile * 8) transpose(Transpose p) {
  // A column more than the tile has: neighbours in a column are in different banks.
  DDPM_SHARED(float, tile, (kTile * (kTile + 1)));
  int thread = static_cast<int>(threadIdx.x), row0 = static_cast<int>(blockIdx.y) * kTile;
  int column0 = static_cast<int>(blockIdx.x) * kTile, stride = p.bug == kTileTooSmall ? kTile + 2 : kTile + 1;
  int row = row0 + thread / 8, column = column0 + thread % 8 * 4;
  if ((row < p.rows || p.bug == kLoadsBeyond) && column < p.columns) {
    const float* x = p.x + static_cast<int64_t>(row) * p.columns + column;
    if (p.bug == kMisalignedVector) x = column > 0 ? x - 1 : x;
    float4 v = *reinterpret_cast<const float4*>(x);
    float* to = &tile[thread / 8 * stride + thread % 8 * 4];
    to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
  }
  if (p.bug != kNoBarrierInTile) __syncthreads();
  for (int i = thread; i < kTile * kTile; i += kTile * 8) {
    int r = i % kTile, c = i / kTile;
    if ((row0 + r >= p.rows && p.bug != kStoresBeyond) || column0 + c >= p.columns) continue;
    float v = p.bug == kIndicesSwapped ? tile[c * stride + r] : tile[r * stride + c];
    p.y[static_cast<int64_t>(column0 + c) * (p.bug == kOtherStride ? p.columns : p.rows) + row0 + r] = v;
  }
}

__global__ void histogram(Histogram p) {
  DDPM_SHARED(uint32_t, bins, kBins);
  int thread = static_cast<int>(threadIdx.x);
  if (thread < kBins && p.bug != kNotCleared) bins[thread] = 0;
  if (p.bug != kNoBarrierAfterClear) __syncthreads();
  int i = static_cast<int>(blockIdx.x * blockDim.x) + thread;
  int32_t bin = i < p.count ? p.x[i] : kBins;
  if (bin < kBins || p.bug == kBinBeyond) {
    if (p.bug == kPlainAddInBlock)
      bins[bin] += 1;
    else
      atomicAdd(&bins[bin], 1u);
  }
  if (p.bug != kNoBarrierBeforeFlush) __syncthreads();
  if (thread >= kBins) return;
  if (p.bug == kStoreForAdd)
    p.counts[thread] = bins[thread];
  else if (p.bug == kPlainAddOfBlocks)
    p.counts[thread] += bins[thread];
  else
    atomicAdd(&p.counts[thread], bins[thread]);
}

}  // namespace ddpm::cuda::planted
