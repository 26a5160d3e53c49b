#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/backend.h"
#include "ddpm/optimal.h"

/**
 * Arithmetic of the optimal denoiser. Everything that is summed is an integer, so the order of a sum is free: a kernel
 * may take it as suits the machine and the batch, and a result depends on the chunks of the data set only.
 *
 * Query: x_t = unit_0 h0 + unit_1 h1 + unit_2 h2 + ..., 16-bit digits h. Pixel: x = (y + 1/2) / 127.5, y = b - 128. The
 * sums h_d y are exact. In units of log 2, and up to a term that all images share, the logarithm of an image's weight
 * is sum_d factor_d (h_d . y) - norm_factor |2y + 1|^2.
 *
 * Weight: 2^(lambda - k) as a number of 30 binary places, two digits of 15, for the chunk's k = floor(largest lambda)
 * + 1. What a chunk adds is therefore whole multiples of 2^(k-15) and 2^(k-30), and goes to bins of 15 binary places.
 */
namespace ddpm::cpu::DDPM_ISA {

constexpr int kDigits = 3;
constexpr int kBins = 4;
constexpr int kBinBits = 15;
constexpr int64_t kNoBin = INT64_MIN, kNotFinite = INT64_MAX;
constexpr double kLog2E = 1.4426950408889634074, kLn2 = 0.69314718055994530942;

/**
 * So many digits that no weight is off by more than a factor 2^(kTolerance) by what is left of x_t after them, even if
 * that pointed along an image. As a rule it is off by a hundredth of that: what is left has no direction.
 */
constexpr double kTolerance = 1.0 / 512;

/**
 * The same where weight is spread over more than a kSpread-th of a chunk, so that errors cancel. A squared distance in
 * float32, from which a plain implementation gets a weight, is rounded more coarsely than what is left of x_t then.
 */
constexpr double kSpreadTolerance = 1.0 / 64;
constexpr int64_t kSpread = 4;

/** Weights of 30 places below the chunk's largest are zero from here on. */
constexpr double kCutoff = 31;

/** Beyond this, doubles are whole numbers that say nothing of a weight. */
constexpr double kLargestLambda = 1e15;

/**
 * Images whose weight is this many places below the chunk's largest keep the logarithm that the first digit gave, if
 * that is good to 2^-1: all together they do not change the chunk's sums by more than kTolerance.
 */
inline double refined_places(double doubt) {
  double places = doubt < 0.5 ? std::log2(DDPM_OPTIMAL_CHUNK * doubt / kTolerance) : kCutoff;
  return places < kCutoff ? places : kCutoff;
}

/** Images that sums of 32 bits have room for: weights of 15 bits, pixels of 7. */
constexpr int64_t kMostSummed = 512;

/**
 * In data sets this large one weight digit will do where a chunk's weights together are this many times the largest:
 * each is off by 2^-16 of the largest at most, one way or the other, and the errors cancel.
 */
constexpr int64_t kManyImages = 4096, kFlatSum = 3;

struct Query {
  int digits;             /**< 0 if the query is not finite */
  double factor[kDigits]; /**< of the digits' sums */
  double doubt[kDigits];  /**< lambda is known this well from digits 0 to d */
  double refined_places;
};

/**
 * A query beside the block sums S of an image (ByteImages::coarse): lambda is at most factor (h . S) + slack rest +
 * doubt, less the norm's part. What the block means leave of the query, times what they leave of the image, is bounded
 * by Cauchy and Schwarz.
 */
struct CoarseQuery {
  double factor, slack, doubt;
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

/** The weights of a chunk's images, lambda[i] their logarithms and largest the largest of these. */
void chunk_weights(const double* lambda, double largest, int64_t count, bool may_be_flat, ChunkWeights* weights);

// optimal_bounds.cpp

/** Writes the block sums of an image, zeros up to coarse_row, and returns the length of y less its block means. */
double sum_blocks(const ByteImages& data, const int8_t* row, int16_t* coarse);

/** The digits [coarse_row] of a query for bounds on lambda as it is computed from all its digits. */
CoarseQuery split_coarse(const float* xt, const ByteImages& data, const Query& query, double largest_norm,
                         double signal, double variance, int16_t* digits);

/** Whether bounds are tight enough beside the usual differences between images to rule many out. */
bool bounds_pay(const ByteImages& data, const CoarseQuery& coarse, double norm_factor);

// optimal_products.cpp

/** sums[j * stride + i] = the product of the digits of query j and image i, over length pixels, whole rows: exact
 * integers. */
void multiply_digits(const int16_t* const* queries, int64_t query_count, const int8_t* const* images,
                     int64_t image_count, int64_t length, double* sums, int64_t stride);

/** The same for block sums and digits of 12 bits, over length sums, whole rows. */
void multiply_coarse(const int16_t* const* queries, int64_t query_count, const int16_t* const* images,
                     int64_t image_count, int64_t length, double* sums, int64_t stride);

// optimal_sums.cpp

/**
 * sums[j] += the images weighted by pairs weights[j], over length pixels, whole rows. Sums are not in the order of
 * pixels: see pixel_of_sum.
 */
void add_weighted(const int8_t* const* images, int64_t image_count, const int32_t* const* weights, int64_t weight_count,
                  int64_t length, int32_t* const* sums);

/**
 * The same result, faster for one or two rows of weights. Meanwhile as many bytes as the images have are fetched from
 * next on, memory that may not be there.
 */
void add_weighted_once(const int8_t* const* images, int64_t image_count, const int32_t* const* weights,
                       int64_t weight_count, int64_t length, int32_t* const* sums, const int8_t* next);

/** First pixel of the four whose sums start at a place, a multiple of four. */
int64_t pixel_of_sum(int64_t place);

}  // namespace ddpm::cpu::DDPM_ISA
