#pragma once
#include <cmath>

#include "common/backend.h"
#include "cuda/pixels.cuh"
#include "cuda/silu.cuh"

namespace ddpm::cuda {

constexpr int kFoldThreads = 128;

/** The image and group of a warp of a kernel that folds what chunks have kept. */
struct NormGroup {
  int64_t image, group;
  int lane;
  bool valid;

  DDPM_DEVICE NormGroup(int64_t n, int64_t groups) {
    int64_t warp = (int64_t{blockIdx.x} * kFoldThreads + threadIdx.x) / 32;
    image = split(warp, groups, &group);
    lane = static_cast<int>(threadIdx.x) % 32;
    valid = image < n;
  }
};

/** Pixels whose channels are those of x and behind them those of skip, which is null if it has none. */
struct JoinedPixels {
  const float *x, *skip;
  Rows of_x, of_skip;

  DDPM_DEVICE Quad load(int64_t pixel, int64_t channel) const {
    const float* first = x + pixel * of_x.length;
    if (skip == nullptr || channel + 4 <= of_x.length) return of_x.load(first, channel);
    const float* second = skip + pixel * of_skip.length;
    if (channel >= of_x.length) return of_skip.load(second, channel - of_x.length);
    Quad q;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int64_t c = channel + i, behind = c - of_x.length;
      q.at[i] = behind < 0 ? first[c] : behind < of_skip.length ? second[behind] : 0.0f;
    }
    return q;
  }
};

/**
 * What the norm of x | skip does to an image's channels: coefficients [N,3,C] of silu?((x - mean) factor + offset),
 * each a mean, a factor and an offset. a.y does not count, and a.statistics may be null.
 */
void norm_coefficients(const GroupNormArgs& a, const float* skip, int64_t skip_c, float* coefficients);

inline dim3 fold_grid(int64_t n, int64_t groups) { return grid_of(divide_up(n * groups * 32, kFoldThreads)); }

}  // namespace ddpm::cuda
