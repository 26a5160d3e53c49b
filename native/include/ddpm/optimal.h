#pragma once
#include "ddpm/memory.h"

/**
 * The optimal denoiser of a data set (arXiv 2305.14712, theorem 2), over pixels as bytes.
 *
 * For a query x_t = signal x_0 + sqrt(variance) noise and images x_i = b_i / 127.5 - 1 of bytes b_i:
 * w = softmax_i(-|x_t - signal x_i|^2 / (2 variance)), x0 = sum w_i x_i, eps = (x_t - signal x0) / sqrt(variance).
 *
 * A data set of images [images,height,width,channels] is a block of ddpm_optimal_bytes that ddpm_optimal_load fills:
 * the images as bytes, their means over blocks of 4 x 4 pixels for bounds on distances, and their norms. Its chunks are
 * neighbouring images, at most DDPM_OPTIMAL_CHUNK each: chunk c is images chunks[c] .. chunks[c + 1] - 1, with
 * chunk_count + 1 entries. Sums are exact integers, so that a result depends on the chunks only: not on threads, the
 * batch, the order of partial results, or the instruction set.
 */
#ifdef __cplusplus
extern "C" {
#endif

enum {
  DDPM_OPTIMAL_CHUNK = 64, /**< most images of a chunk */
  DDPM_OPTIMAL_REPORT = 5, /**< numbers of a report */
  DDPM_OPTIMAL_HEADER = 5  /**< numbers of a partial result before its sums over pixels */
};

/** Bytes of the block of a data set; 0 for sizes that are not. */
int64_t ddpm_optimal_bytes(int64_t images, int32_t height, int32_t width, int32_t channels);

/** 64-bit numbers of the partial result of one query: the header, then 4 sums over each pixel. */
int64_t ddpm_optimal_partial_size(int64_t pixels);

/** Copies images [count,height,width,channels] from host memory to places first, first + 1, ... of a data set. */
ddpm_status ddpm_optimal_load(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                              const uint8_t* host, int64_t first, int64_t count);

/**
 * x0, eps [queries,height,width,channels] and log_sums[query] = log sum_i exp(-|x_t - signal x_i|^2 / (2 variance))
 * over the images of chunks first_chunk .. last_chunk - 1. Each output may be 0. A query that is not finite gets NaN.
 * Unless prune is 0, images are ruled out by bounds where that is faster; it never changes the result.
 *
 * report, optional, is what was done, in pairs of query and image: all; compared in the first digit at least; compared
 * in full precision; summed; and those among the pairs not compared that took more than block means to rule out.
 */
ddpm_status ddpm_optimal_denoise(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                                 const int32_t* chunks, int32_t chunk_count, int32_t first_chunk, int32_t last_chunk,
                                 ddpm_mem xt, int32_t queries, double signal, double variance, int32_t prune,
                                 ddpm_mem x0, ddpm_mem eps, double* log_sums, int64_t* report);

/**
 * The partial results of chunks first_chunk .. last_chunk - 1, [queries, ddpm_optimal_partial_size(pixels)]. For each
 * query: the top bin m, then for bins m, m-1, m-2, m-3 of 15 binary places each the sum of the weights, then for these
 * bins the sums of weighted pixels b - 128. m is INT64_MIN for no images and INT64_MAX for a query that is not finite.
 */
ddpm_status ddpm_optimal_partial(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                                 const int32_t* chunks, int32_t chunk_count, int32_t first_chunk, int32_t last_chunk,
                                 ddpm_mem xt, int32_t queries, double signal, double variance, int32_t prune,
                                 int64_t* partial, int64_t* report);

/** As ddpm_optimal_denoise, from partial results that have been merged. x0 alone does not need xt, which may be 0 then.
 */
ddpm_status ddpm_optimal_finish(const int64_t* partial, int64_t pixels, ddpm_mem xt, int32_t queries, double signal,
                                double variance, ddpm_mem x0, ddpm_mem eps, double* log_sums);

/** log_kernels [queries, images] = -|x_t - signal x_i|^2 / (2 variance) of all images in the order of rows. */
ddpm_status ddpm_optimal_log_kernels(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                                     ddpm_mem xt, int32_t queries, double signal, double variance, double* log_kernels);

#ifdef __cplusplus
}
#endif
