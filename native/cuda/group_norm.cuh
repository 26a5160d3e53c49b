#pragma once
#include <cmath>

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

inline dim3 fold_grid(int64_t n, int64_t groups) { return grid_of(divide_up(n * groups * 32, kFoldThreads)); }

}  // namespace ddpm::cuda
