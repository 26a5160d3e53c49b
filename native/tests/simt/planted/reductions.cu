// What kernels do within a block and a warp: sums, softmax, prefix sums.
#include "simt/planted/planted.h"

namespace ddpm::cuda::planted {
namespace {

constexpr uint32_t kAll = 0xffffffffu;

}  // namespace

__global__ void __launch_bounds__(kSumThreads) sum(Sum p) {
  DDPM_SHARED(float, partials, (kSumThreads / 32));
  int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  const float* x = p.x + static_cast<int64_t>(blockIdx.x) * p.count;
  if (p.bug == kEarlyReturn && thread >= p.count) return;
  float total = 0;
  for (int i = thread; p.bug == kOneNumberTooMany ? i <= p.count : i < p.count; i += kSumThreads) total += x[i];
  if (p.bug == kPartialsBeforeWarpIsDone) partials[warp] = total;
  if (p.bug == kMasksOverlap) total += 0 * __shfl_xor_sync(lane < 16 ? 0xffffu : kAll, total, 1);
  if (p.bug == kMaskWithoutCaller) total += 0 * __shfl_xor_sync(0xffffu, total, 1);
  if (p.bug == kShuffleOfSome && lane < 16) total += 0 * __shfl_xor_sync(kAll, total, 1);
  for (int lanes = p.bug == kStartsAtQuarter ? 8 : 16; lanes > 0; lanes /= 2)
    total += __shfl_xor_sync(kAll, total, lanes);
  if (lane == 0) partials[warp] = total;
  if (p.bug == kDivergentBarrier) {
    if (warp < 2) __syncthreads();
  } else if (p.bug == kBarriersOfTwoLines) {
    if (warp < 2)
      __syncthreads();
    else
      __syncthreads();
  } else if (p.bug != kNoBarrierBeforePartials) {
    __syncthreads();
  }
  if (thread > 0) return;
  int warps = kSumThreads / 32;
  if (p.bug == kTooManyPartials) ++warps;
  if (p.bug == kLastWarpForgotten) --warps;
  float result = 0;
#pragma unroll 1
  for (int w = 0; w < warps; ++w) result += partials[w];
  p.out[blockIdx.x] = result;
}

__global__ void __launch_bounds__(32) softmax(Softmax p) {
  DDPM_SHARED(float, row, kMostColumns);
  int lane = static_cast<int>(threadIdx.x), columns = p.columns;
  int64_t r = p.bug == kTwoBlocksOneRow ? blockIdx.x / 2 : blockIdx.x;
  const float* x = p.x + r * columns;
  float* y = p.y + r * columns;
  int end = p.bug == kOneColumnTooMany ? columns + 1 : columns;
  float largest = -INFINITY;
  for (int c = lane; c < end; c += 32) {
    row[c] = x[c];
    largest = max(largest, row[c]);
  }
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    float other = p.bug == kShuffleOneWay ? __shfl_down_sync(kAll, largest, static_cast<unsigned>(lanes))
                                          : __shfl_xor_sync(kAll, largest, lanes);
    largest = max(largest, other);
  }
  if (p.bug == kNoLargest) largest = 0;
  // Each lane takes what its neighbour has brought.
  if (p.bug != kNoWarpBarrier) __syncwarp();
  int from = (lane + 1) % 32;
  float total = 0;
  for (int c = from; c < end; c += 32) {
    float e = expf(row[c] - largest);
    row[p.bug == kInPlaceOfNeighbour ? (c + 1) % columns : c] = e;
    total += e;
  }
  for (int lanes = 16; lanes > 0; lanes /= 2) total += __shfl_xor_sync(kAll, total, lanes);
  for (int c = from; c < end; c += 32) y[c] = row[c] / total;
}

__global__ void __launch_bounds__(kScanThreads) scan(Scan p) {
  DDPM_SHARED(int32_t, sums, (kScanThreads / 32));
  int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  int32_t value = p.x[thread];
  for (int lanes = 1; lanes < 32; lanes *= 2) {
    int32_t other = __shfl_up_sync(kAll, value, static_cast<unsigned>(lanes), p.bug == kNarrowSegments ? 16 : 32);
    if (lane >= lanes || p.bug == kNoPredicateOfLanes) value += other;
  }
  if (lane == 31) {
    sums[warp] = value;
    if (p.bug == kBarrierInBranch) __syncthreads();
  }
  if (p.bug != kNoBarrierBeforeOffsets && p.bug != kBarrierInBranch) __syncthreads();
#pragma unroll 1
  for (int w = 0; w < (p.bug == kOffsetOfOwnWarp ? warp + 1 : warp); ++w) value += sums[w];
  p.y[thread] = value;
  if (p.bug == kStoredTwice && thread + 1 < kScanThreads) p.y[thread + 1] = value;
}

}  // namespace ddpm::cuda::planted
