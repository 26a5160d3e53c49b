// Sums of pixels (8 bits) by weight digits (15 bits) over the images of a chunk, the lanes along the pixels. Images are
// taken two at a time, as 16-bit pairs.
#include "cpu/kernels/integer.h"
#include "cpu/kernels/optimal.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Pixels of a strip: a cache line of every image. */
constexpr int64_t kStrip = 64;
constexpr int kStripVectors = kStrip / kLanes;

/** Besides the sums of a tile, the pairs, a weight and a product must have registers. */
#if defined(__AVX512F__)
constexpr int kTileWeights = 6, kTileVectors = 4;
#else
constexpr int kTileWeights = 4, kTileVectors = 2;
#endif

/** Vectors 2v and 2v+1 of a strip's pairs of two images. */
inline __attribute__((always_inline)) void pair_up(const int8_t* a, const int8_t* b, ShortVec* low, ShortVec* high) {
  ShortVec x = widen(a), y = widen(b);
  *low = interleave_low(x, y);
  *high = interleave_high(x, y);
}

/** kWeights rows of sums by kVectors vectors += weights by pairs [pair][kStripVectors]. */
template <int kWeights, int kVectors>
inline __attribute__((always_inline)) void add_tile(const ShortVec* pairs, int64_t count, const int32_t* const* weights,
                                                    int32_t* const* sums, int64_t offset) {
  IntVec total[kWeights][kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kWeights; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) total[j][v] = load(sums[j] + offset + v * kLanes);
  const int32_t* w[kWeights];
#pragma GCC unroll 8
  for (int j = 0; j < kWeights; ++j) w[j] = weights[j];
  for (int64_t i = 0; i < count; ++i, pairs += kStripVectors) {
    ShortVec pair[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) pair[v] = pairs[v];
#pragma GCC unroll 8
    for (int j = 0; j < kWeights; ++j) {
      ShortVec weight = broadcast_pair(w[j][i]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) total[j][v] += multiply_pairs(weight, pair[v]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kWeights; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(sums[j] + offset + v * kLanes, total[j][v]);
}

template <int kWeights>
__attribute__((noinline)) void add_strip(const ShortVec* pairs, int64_t count, const int32_t* const* weights,
                                         int32_t* const* sums, int64_t offset) {
  constexpr int kVectors = kWeights == 1 ? 4 : kTileVectors;
  for (int v = 0; v < kStripVectors; v += kVectors)
    add_tile<kWeights, kVectors>(pairs + v, count, weights, sums, offset + v * kLanes);
}

}  // namespace

void add_weighted(const int8_t* const* images, int64_t image_count, const int32_t* const* weights, int64_t weight_count,
                  int64_t length, int32_t* const* sums) {
  int64_t count = (image_count + 1) / 2;
  auto* pairs = scratch<ShortVec>(kOptimalPairs, DDPM_OPTIMAL_CHUNK / 2 * kStripVectors);
  for (int64_t p = 0; p < length; p += kStrip) {
    for (int64_t i = 0; i < count; ++i) {
      const int8_t *a = images[2 * i] + p, *b = images[2 * i + 1 < image_count ? 2 * i + 1 : 2 * i] + p;
      for (int v = 0; v < kStripVectors; v += 2)
        pair_up(a + v * kLanes, b + v * kLanes, &pairs[i * kStripVectors + v], &pairs[i * kStripVectors + v + 1]);
    }
    int64_t j = 0;
    for (; j + kTileWeights <= weight_count; j += kTileWeights)
      add_strip<kTileWeights>(pairs, count, weights + j, sums + j, p);
    for (; j < weight_count; ++j) add_strip<1>(pairs, count, weights + j, sums + j, p);
  }
}

namespace {

/** The same for one or two rows of weights, without keeping the pairs. As many bytes from next on as the images have
 * are fetched. */
template <int kWeights>
__attribute__((noinline)) void add_rows(const int8_t* const* images, int64_t image_count, const int32_t* const* weights,
                                        int64_t length, int32_t* const* sums, const int8_t* next) {
  constexpr int kVectors = 4, kLine = 64;
  int64_t count = (image_count + 1) / 2;
  for (int64_t p = 0; p < length; p += kVectors * kLanes) {
    IntVec total[kWeights][kVectors];
    for (int j = 0; j < kWeights; ++j)
      for (int v = 0; v < kVectors; ++v) total[j][v] = load(sums[j] + p + v * kLanes);
    for (int64_t i = 0; i < count; ++i) {
      const int8_t *a = images[2 * i] + p, *b = images[2 * i + 1 < image_count ? 2 * i + 1 : 2 * i] + p;
      for (int line = 0; line < 2 * kVectors * kLanes; line += kLine) __builtin_prefetch(next + line, 0, 2);
      next += 2 * kVectors * kLanes;
      ShortVec pairs[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; v += 2) pair_up(a + v * kLanes, b + v * kLanes, &pairs[v], &pairs[v + 1]);
#pragma GCC unroll 8
      for (int j = 0; j < kWeights; ++j) {
        ShortVec weight = broadcast_pair(weights[j][i]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) total[j][v] += multiply_pairs(weight, pairs[v]);
      }
    }
    for (int j = 0; j < kWeights; ++j)
      for (int v = 0; v < kVectors; ++v) store(sums[j] + p + v * kLanes, total[j][v]);
  }
}

}  // namespace

void add_weighted_once(const int8_t* const* images, int64_t image_count, const int32_t* const* weights,
                       int64_t weight_count, int64_t length, int32_t* const* sums, const int8_t* next) {
  int64_t j = 0;
  for (; j + 2 <= weight_count; j += 2) add_rows<2>(images, image_count, weights + j, length, sums + j, next);
  if (j < weight_count) add_rows<1>(images, image_count, weights + j, length, sums + j, next);
}

int64_t pixel_of_sum(int64_t place) {
  int64_t block = place / kPairBytes * kPairBytes, half = place % kPairBytes / kLanes;
  return block + interleaved_place(static_cast<int>(half), static_cast<int>(place % kLanes));
}

}  // namespace ddpm::cpu::DDPM_ISA
