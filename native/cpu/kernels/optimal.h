#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/backend.h"
#include "common/optimal_arithmetic.h"

/** The optimal denoiser on the CPU; common/optimal_arithmetic.h has its arithmetic. */
namespace ddpm::cpu::DDPM_ISA {

using namespace ddpm::optimal;

/** Images that sums of 32 bits have room for: weights of 15 bits, pixels of 7. */
constexpr int64_t kMostSummed = 512;

/**
 * A query beside the block sums S of an image (ByteImages::coarse): lambda is at most factor (h . S) + slack rest +
 * doubt, less the norm's part. What the block means leave of the query, times what they leave of the image, is bounded
 * by Cauchy and Schwarz.
 */
struct CoarseQuery {
  double factor, slack, doubt;
};

/**
 * A query as digits d of kLargestByteDigit at most, and what they leave of it, whose block means are exact: lambda is
 * factor (d . b) + offset + rest.factor (h . S), give or take rest.slack rest + rest.doubt, less the norm's part.
 */
struct ByteQuery {
  double factor, offset;
  CoarseQuery rest;
};

/** So small that sums of products with bytes fit 16 bits for a while; so large that most of a query is in them. */
constexpr int kLargestByteDigit = 15;

/** What the bounds of a query have in common; y are pixels. */
struct BoundTerms {
  double scale;   /**< of the query's products with y */
  double longest; /**< the largest |y| */
  double doubt;   /**< of lambda as it is computed */
};

/** A chunk's weight digits of one query, as pairs of neighbouring images, and their sums. */
struct ChunkWeights {
  int64_t k, high_sum, low_sum, count; /**< count: images of a weight above zero */
  bool flat;                           /**< the upper digits are all */
  int32_t high[DDPM_OPTIMAL_CHUNK / 2], low[DDPM_OPTIMAL_CHUNK / 2];
};

// optimal_weights.cpp

/**
 * Splits a query into digits [kDigits, row_bytes], zeros beyond the last pixel. Shaped: the first digit is rounded so
 * that what it leaves hardly matters to smooth images; unshaped: all digits together are as good as can be.
 */
Query split_query(const float* xt, const ByteImages& data, double largest_norm, double signal, double variance,
                  bool shaped, int16_t* digits);

/** Largest |x_i| of the data set. */
double largest_norm(const ByteImages& data);

/** The weights of a chunk's images, lambda[i] their logarithms and largest the largest of these; images: of the data
 * set. */
void chunk_weights(const double* lambda, double largest, int64_t count, bool refined, int64_t images,
                   ChunkWeights* weights);

// optimal_bounds.cpp

/** Writes the block sums of an image, zeros up to coarse_row, and returns the length of y less its block means. */
double sum_blocks(const ByteImages& data, const int8_t* row, int16_t* coarse);

/** Copies a query's pixels to vector, for what follows. Bounds are on lambda as it is computed from all its digits. */
BoundTerms bound_terms(const float* xt, const ByteImages& data, const Query& query, double largest_norm, double signal,
                       double variance, double* vector);

/** The digits [coarse_row] of a query, or a part of it. */
CoarseQuery split_coarse(const double* vector, const ByteImages& data, const BoundTerms& terms, int16_t* digits);

/** The digits [row_bytes] of a query, and those [coarse_row] of what they leave, which takes the vector's place. */
ByteQuery split_bytes(double* vector, const ByteImages& data, const BoundTerms& terms, int8_t* digits,
                      int16_t* rest_digits);

/** Whether bounds are tight enough beside the usual differences between images to rule many out. */
bool coarse_pays(const ByteImages& data, const CoarseQuery& coarse, double norm_factor);
bool bytes_pay(const ByteImages& data, const ByteQuery& bytes, double norm_factor);

// optimal_products.cpp

/** sums[j * stride + i] = the product of the digits of query j and image i, over length pixels, whole rows: exact
 * integers. */
void multiply_digits(const int16_t* const* queries, int64_t query_count, const int8_t* const* images,
                     int64_t image_count, int64_t length, double* sums, int64_t stride);

/** The same for digits of a ByteQuery and pixels b. */
void multiply_byte_digits(const int8_t* const* queries, int64_t query_count, const int8_t* const* images,
                          int64_t image_count, int64_t length, double* sums, int64_t stride);

/** The same for block sums and digits of 12 bits, over length sums, whole rows. */
void multiply_coarse(const int16_t* const* queries, int64_t query_count, const int16_t* const* images,
                     int64_t image_count, int64_t length, double* sums, int64_t stride);

// optimal_sums.cpp

/**
 * sums[j] += the images weighted by pairs weights[j], over length pixels, whole rows. Sums are not in the order of
 * pixels: see pixel_of_sum in optimal_bins.h.
 */
void add_weighted(const int8_t* const* images, int64_t image_count, const int32_t* const* weights, int64_t weight_count,
                  int64_t length, int32_t* const* sums);

/**
 * The same result, faster for one or two rows of weights. Meanwhile as many bytes as the images have are fetched from
 * next on, memory that may not be there.
 */
void add_weighted_once(const int8_t* const* images, int64_t image_count, const int32_t* const* weights,
                       int64_t weight_count, int64_t length, int32_t* const* sums, const int8_t* next);

}  // namespace ddpm::cpu::DDPM_ISA
