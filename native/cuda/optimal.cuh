#pragma once
#include "common/optimal_arithmetic.h"
#include "cuda/device.h"

/** What the kernels of the optimal denoiser share and hand to each other; see optimal.cu. */
namespace ddpm::cuda {

using namespace ddpm::optimal;

constexpr int kQueryTile = 64;  /**< most queries of a pass, and of a block of the weights kernel */
constexpr int kSumQueries = 32; /**< most queries of a block of the sums kernel */
constexpr int kSumPixels = 128; /**< pixels of a block of the sums kernel */
constexpr int kSumChunks = 64;  /**< most chunks of a block of the sums kernel */
constexpr int kPlanes = 4;      /**< bytes of a weight: upper digit low, high; lower digit low, high */
constexpr int kWords = kChunk / 32;

/** A chunk's weights of one query. */
struct ChunkState {
  int64_t k; /**< kNoBin: nothing here can matter, and the weights are not there */
  int32_t high_sum, low_sum;
  uint32_t images[kWords]; /**< bits: images of a weight above zero */
  uint32_t refined;        /**< number of images that needed more than the first digit */
};

/** A pass over a range of chunks with at most kQueryTile queries. Device memory; rows are those of ByteImages. */
struct OptimalPass {
  const int8_t* rows;     // [images, row_bytes]
  const double* norms;    // [images]
  const int32_t* chunks;  // [chunk_count + 1]: first image of every chunk of the range, and the end of the last one
  const float* xt;        // [query_count, pixels]
  int64_t* partials;      // [query_count, partial_size]
  int64_t* report;        // [DDPM_OPTIMAL_REPORT]
  int64_t* largest_norm;  // bits of the largest of norms
  Query* queries;         // [query_count]
  int8_t* digits;         // [query_count, kDigits, 2: upper and lower bytes, row_bytes]
  ChunkState* states;     // [chunk_count, query_count]
  uint8_t* weights;       // [chunk_count, kQueryTile / kSumQueries, kPlanes, kSumQueries, kChunk]
  int64_t images, pixels, channels, row_bytes;
  int32_t chunk_count, query_count;
  double signal, variance;

  DDPM_DEVICE int64_t* partial(int64_t q) const { return partials + q * partial_size(pixels); }
  DDPM_DEVICE ChunkState& state(int64_t chunk, int64_t q) const { return states[chunk * query_count + q]; }
  DDPM_DEVICE int8_t* digit(int64_t q, int d, int plane) const {
    return digits + ((q * kDigits + d) * 2 + plane) * row_bytes;
  }
  DDPM_DEVICE uint8_t* weight_row(int64_t chunk, int64_t q, int plane) const {
    int64_t block = (chunk * (kQueryTile / kSumQueries) + q / kSumQueries) * kPlanes + plane;
    return weights + (block * kSumQueries + q % kSumQueries) * kChunk;
  }
};

/** largest_norm = at least the norm of each image. */
__global__ void find_largest_norm(OptimalPass pass);
/** queries, digits; partials without a chunk; from largest_norm. A block to a query. */
__global__ void split_queries(OptimalPass pass);
/** states, weights and the top bins of partials. A block to a chunk. */
__global__ void find_weights(OptimalPass pass);
/** The sums of partials. Blocks to spans of kSumChunks chunks and strips of kSumPixels pixels, and to kSumQueries. */
__global__ void sum_images(OptimalPass pass);

constexpr int kSplitThreads = 256;
/** Threads and shared memory of blocks for so many queries, a multiple of 16. */
constexpr int find_weights_threads(int queries) { return kWords * 32 * queries / 16; }
int find_weights_shared_bytes(int queries);
int sum_images_threads(int queries);
int sum_images_shared_bytes();

}  // namespace ddpm::cuda
