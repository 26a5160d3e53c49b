#pragma once
#include "common/geometry.h"
#include "cuda/products.cuh"
#include "cuda/quads.cuh"

/** What the kernels of convolutions share; see convolution.cu. */
namespace ddpm::cuda {

/** A convolution along one axis of the picture: result o sums taps i of source o stride - pad + i. */
struct Axis {
  int32_t source, results, stride, pad, window;
};

inline Axis vertical_axis(const WindowGeometry& g) {
  return {static_cast<int32_t>(g.h), static_cast<int32_t>(g.oh), static_cast<int32_t>(g.stride_h),
          static_cast<int32_t>(g.pad_top), static_cast<int32_t>(g.r)};
}
inline Axis horizontal_axis(const WindowGeometry& g) {
  return {static_cast<int32_t>(g.w), static_cast<int32_t>(g.ow), static_cast<int32_t>(g.stride_w),
          static_cast<int32_t>(g.pad_left), static_cast<int32_t>(g.s)};
}

/** Whether the kernels' counters hold: 8 bits for taps along an axis, 32 for pixels and weights, and a grid's sides. */
inline bool is_countable(const WindowGeometry& g) {
  constexpr int64_t kMostTaps = 255, kMostChannels = 1 << 20, kMost = 1 << 30;
  return g.r <= kMostTaps && g.s <= kMostTaps && g.c <= kMostChannels && g.k <= kMostChannels &&
         g.n * g.h * g.w <= kMost && g.n * g.oh * g.ow <= kMost && g.r * g.s * g.c <= kMost &&
         g.r * g.s * g.k <= kMost && g.stride_h <= kMost && g.stride_w <= kMost;
}

/** A linear map as a convolution of pictures of one pixel. */
inline WindowGeometry map_geometry(int64_t rows, int64_t in_features, int64_t out_features) {
  return {rows, 1, 1, in_features, out_features, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
}

inline bool is_aligned(const void* p, uintptr_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }
/** How many tiles of a size cover a count. */
inline int32_t tiles_of(int64_t count, int64_t size) { return static_cast<int32_t>((count + size - 1) / size); }

}  // namespace ddpm::cuda
