// Exact products of query digits and pixels, or block sums, the lanes along the pixels.
#include "cpu/kernels/integer.h"
#include "cpu/kernels/optimal.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/**
 * Pixels of a pass over tiles: digits of a tile's queries stay in the first-level cache beside the images'. A lane of
 * 32 bits takes 256 sums of two products of 15 and 7 bits, 512 pixels a lane.
 */
constexpr int64_t kPassPixels = 1536 / kPairBytes < 256 ? 1536 : 256 * kPairBytes;
static_assert(kPassPixels % kPairBytes == 0, "whole vectors");

/** The same for digits of bytes: even all lanes together fit 32 bits. */
constexpr int64_t kBytePassPixels = 3072;

/** Besides the sums of a tile, an image's pixels, a query's digits and a product must have registers. */
#if defined(__AVX512F__)
constexpr int kTileQueries = 6, kTileImages = 4, kByteTileQueries = 4, kByteTileImages = 2;
#else
constexpr int kTileQueries = 4, kTileImages = 2, kByteTileQueries = 5, kByteTileImages = 1;
#endif

inline __attribute__((always_inline)) ShortVec load_pixels(const int8_t* p) { return widen(p); }
inline __attribute__((always_inline)) ShortVec load_pixels(const int16_t* p) { return load(p); }

/** sums[q * stride + i] += sum over length pixels. */
template <int kQueries, int kImages, class Pixel>
inline __attribute__((always_inline)) void multiply_tile(const int16_t* const* queries, const Pixel* const* images,
                                                         int64_t begin, int64_t end, double* sums, int64_t stride,
                                                         int64_t image_count) {
  IntVec total[kQueries][kImages] = {};
  const int16_t* q[kQueries];
  const Pixel* x[kImages];
#pragma GCC unroll 8
  for (int j = 0; j < kQueries; ++j) q[j] = queries[j];
#pragma GCC unroll 8
  for (int i = 0; i < kImages; ++i) x[i] = images[i < image_count ? i : 0];
  for (int64_t p = begin; p < end; p += kPairBytes) {
    ShortVec pixels[kImages];
#pragma GCC unroll 8
    for (int i = 0; i < kImages; ++i) pixels[i] = load_pixels(x[i] + p);
#pragma GCC unroll 8
    for (int j = 0; j < kQueries; ++j) {
      ShortVec digits = in_register(load(q[j] + p));
#pragma GCC unroll 8
      for (int i = 0; i < kImages; ++i) total[j][i] += multiply_pairs(digits, pixels[i]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kQueries; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < kImages; ++i)
      if (i < image_count) sums[j * stride + i] += sum(total[j][i]);
}

template <int kQueries, int kImages, class Pixel>
__attribute__((noinline)) void multiply_queries(const int16_t* const* queries, const Pixel* const* images,
                                                int64_t count, int64_t begin, int64_t end, double* sums,
                                                int64_t stride) {
  for (int64_t i = 0; i < count; i += kImages)
    multiply_tile<kQueries, kImages>(queries, images + i, begin, end, sums + i, stride, count - i);
}

/** Sums of two products of bytes that 16 bits have room for. */
constexpr int kByteSums = 32767 / (2 * 255 * kLargestByteDigit);

inline __attribute__((always_inline)) int32_t sum_lanes(IntVec v) {
  int32_t total = 0;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) total += v[i];
  return total;
}

/** total += the sum over kCount vectors, added up in 16 bits. */
template <int kQueries, int kImages, int kCount>
inline __attribute__((always_inline)) void add_bytes(const int8_t* const (&queries)[kQueries],
                                                     const int8_t* const (&images)[kImages], int64_t begin,
                                                     IntVec (&total)[kQueries][kImages]) {
  ShortVec part[kQueries][kImages];
#pragma GCC unroll 8
  for (int k = 0; k < kCount; ++k)
#pragma GCC unroll 8
    for (int i = 0; i < kImages; ++i) {
      // b = y + 128.
      QuadVec pixels = load_quads(images[i] + begin + k * kQuadBytes) ^ static_cast<int8_t>(-128);
#pragma GCC unroll 8
      for (int j = 0; j < kQueries; ++j) {
        ShortVec sums = multiply_bytes(pixels, load_quads(queries[j] + begin + k * kQuadBytes));
        part[j][i] = k == 0 ? sums : in_register(part[j][i] + sums);
      }
    }
#pragma GCC unroll 8
  for (int j = 0; j < kQueries; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < kImages; ++i) total[j][i] += multiply_pairs(part[j][i], ShortVec{} + 1);
}

/** As multiply_queries, for digits of bytes and pixels b. */
template <int kQueries, int kImages>
__attribute__((noinline)) void multiply_byte_queries(const int8_t* const* queries, const int8_t* const* images,
                                                     int64_t count, int64_t begin, int64_t end, double* sums,
                                                     int64_t stride) {
  const int8_t *q[kQueries], *x[kImages];
#pragma GCC unroll 8
  for (int j = 0; j < kQueries; ++j) q[j] = queries[j];
  for (int64_t first = 0; first < count; first += kImages) {
#pragma GCC unroll 8
    for (int i = 0; i < kImages; ++i) x[i] = images[first + i < count ? first + i : first];
    IntVec total[kQueries][kImages] = {};
    int64_t p = begin;
    for (; p + kByteSums * kQuadBytes <= end; p += kByteSums * kQuadBytes)
      add_bytes<kQueries, kImages, kByteSums>(q, x, p, total);
    for (; p < end; p += kQuadBytes) add_bytes<kQueries, kImages, 1>(q, x, p, total);
#pragma GCC unroll 8
    for (int j = 0; j < kQueries; ++j)
#pragma GCC unroll 8
      for (int i = 0; i < kImages; ++i)
        if (first + i < count) sums[j * stride + first + i] += sum_lanes(total[j][i]);
  }
}

template <class Pixel>
void multiply(const int16_t* const* queries, int64_t query_count, const Pixel* const* images, int64_t image_count,
              int64_t length, double* sums, int64_t stride) {
  for (int64_t j = 0; j < query_count;) {
    int64_t left = query_count - j;
    const int16_t* const* q = queries + j;
    double* out = sums + j * stride;
    int64_t taken = left >= kTileQueries ? kTileQueries : (left >= 2 ? 2 : 1);
    for (int64_t i = 0; i < taken; ++i)
      std::memset(out + i * stride, 0, static_cast<size_t>(image_count) * sizeof(double));
    for (int64_t begin = 0; begin < length; begin += kPassPixels) {
      int64_t end = begin + kPassPixels < length ? begin + kPassPixels : length;
      if (taken == kTileQueries)
        multiply_queries<kTileQueries, kTileImages>(q, images, image_count, begin, end, out, stride);
      else if (taken == 2)
        multiply_queries<2, 4>(q, images, image_count, begin, end, out, stride);
      else
        multiply_queries<1, 4>(q, images, image_count, begin, end, out, stride);
    }
    j += taken;
  }
}

}  // namespace

void multiply_digits(const int16_t* const* queries, int64_t query_count, const int8_t* const* images,
                     int64_t image_count, int64_t length, double* sums, int64_t stride) {
  multiply(queries, query_count, images, image_count, length, sums, stride);
}

void multiply_byte_digits(const int8_t* const* queries, int64_t query_count, const int8_t* const* images,
                          int64_t image_count, int64_t length, double* sums, int64_t stride) {
  for (int64_t j = 0; j < query_count;) {
    int64_t taken = query_count - j >= kByteTileQueries ? kByteTileQueries : 1;
    double* out = sums + j * stride;
    for (int64_t i = 0; i < taken; ++i)
      std::memset(out + i * stride, 0, static_cast<size_t>(image_count) * sizeof(double));
    for (int64_t begin = 0; begin < length; begin += kBytePassPixels) {
      int64_t end = begin + kBytePassPixels < length ? begin + kBytePassPixels : length;
      if (taken == kByteTileQueries)
        multiply_byte_queries<kByteTileQueries, kByteTileImages>(queries + j, images, image_count, begin, end, out,
                                                                 stride);
      else
        multiply_byte_queries<1, 4>(queries + j, images, image_count, begin, end, out, stride);
    }
    j += taken;
  }
}

void multiply_coarse(const int16_t* const* queries, int64_t query_count, const int16_t* const* images,
                     int64_t image_count, int64_t length, double* sums, int64_t stride) {
  multiply(queries, query_count, images, image_count, length, sums, stride);
}

}  // namespace ddpm::cpu::DDPM_ISA
