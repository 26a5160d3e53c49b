#pragma once
#include "cuda/device.h"
#include "cuda/optimal_arithmetic.h"

/** The optimal denoiser of a data set of bytes: partial results as ddpm_optimal_partial has them, bit by bit. See
 * optimal.cu. */
namespace ddpm::cuda {

/** Device memory, all of it; rows are those of ByteImages, aligned to 16 bytes. */
struct OptimalArgs {
  const int8_t* rows;     // [images, row_bytes]
  const double* norms;    // [images]
  const int32_t* chunks;  // first image of every chunk, and the end of the last one
  const float* xt;        // [queries, pixels]
  int64_t* partial;       // [queries, ddpm_optimal_partial_size(pixels)]
  void* workspace;        // optimal_workspace_bytes, aligned to 256 bytes
  int64_t images, pixels, row_bytes;
  int32_t first_chunk, last_chunk, queries;
  double signal, variance;
  double largest_norm;  // largest |x_i| of the data set: root of the largest norm / 255
};

int64_t optimal_workspace_bytes(int64_t row_bytes, int64_t chunks, int64_t queries);

/** Starts the pass on a stream. Any number of queries; the data set is read once for every kQueryTile of them. */
cudaError_t optimal_partial(const OptimalArgs& args, Stream stream);

// What the kernels hand to each other.

constexpr int kQueryTile = 64;  /**< most queries of a block of the weights kernel */
constexpr int kSumQueries = 32; /**< most queries of a block of the sums kernel */
constexpr int kSumPixels = 128; /**< pixels of a block of the sums kernel */
constexpr int kSumChunks = 64;  /**< most chunks of a block of the sums kernel */
constexpr int kPlanes = 4;      /**< bytes of a weight: upper digit low, high; lower digit low, high */

/** A chunk's weights of one query. */
struct ChunkState {
  int64_t k; /**< kNoBin: nothing here can matter, and the weights are not there */
  int32_t high_sum, low_sum;
  uint32_t images[kChunk / 32]; /**< bits: images of a weight above zero */
  uint32_t unused;
};

/** The workspace and sizes that follow from the arguments. */
struct OptimalPass {
  OptimalArgs args;
  Query* queries;
  int8_t* digits;      // [queries, kDigits, 2: upper and lower bytes, row_bytes]
  ChunkState* states;  // [chunks, queries]
  uint8_t* weights;    // [chunks, query blocks, kPlanes, kSumQueries, kChunk]
  int64_t partial_size, query_blocks;
  int32_t chunks;

  DDPM_HOST_DEVICE int64_t* partial(int64_t q) const { return args.partial + q * partial_size; }
  DDPM_HOST_DEVICE ChunkState& state(int64_t chunk, int64_t q) const { return states[chunk * args.queries + q]; }
  DDPM_HOST_DEVICE const int8_t* digit(int64_t q, int d, int plane) const {
    return digits + ((q * kDigits + d) * 2 + plane) * args.row_bytes;
  }
  DDPM_HOST_DEVICE uint8_t* weight_row(int64_t chunk, int64_t q, int plane) const {
    int64_t block = (chunk * query_blocks + q / kSumQueries) * kPlanes + plane;
    return weights + (block * kSumQueries + q % kSumQueries) * kChunk;
  }
};

__global__ void split_queries(OptimalPass pass);
__global__ void find_weights(OptimalPass pass);
__global__ void sum_images(OptimalPass pass);

/** Shared memory of blocks for so many queries, a multiple of 16. */
int find_weights_shared_bytes(int queries);
int sum_images_shared_bytes();

}  // namespace ddpm::cuda
