// The optimal denoiser as kernels. All that is summed is whole numbers, so the order of sums is free, and partial
// results have the bits of the CPU kernels whatever the grid, the order of blocks or the batch.
//
// find_largest_norm: a pass over the norms, 8 bytes an image.
//
// split_queries, a block to a query: three digits of 16 bits, each as a plane of upper (signed) and one of lower
// (unsigned) bytes. What rounding the first digit leaves goes on to the next pixel of the channel, so a channel is a
// chain of some four dependent sums a pixel, and has one thread: 1024 pixels take some tens of microseconds, and no
// more for any number of queries.
//
// find_weights, a block to a chunk of up to 64 images and up to 64 queries: a product of bytes, [64, pixels] times
// [pixels, 64] for both planes of a digit, on the tensor cores (mma.sync m16n8k32). A warp takes 32 images and 16
// queries, so that what it reads from shared memory (2 KB for 8 products) keeps pace with what it multiplies. Tiles of
// 64 pixels, 12 KB with 64 queries, come by cp.async, three stages deep, 36 KB: two are on their way while one is
// multiplied, and no multiprocessor is too small. Sums and logarithms stay in registers, 175 a thread on sm_80, which
// leave room for one block of 64 queries (8 warps) or several of fewer. Weights leave as four planes of bytes, as the
// next kernel multiplies them. The products of the second and third digit are made only in chunks that can still
// matter, where the rows come from the second-level cache.
//
// sum_images, a block to 128 pixels, 32 queries and 64 chunks: weights [32, 64] times images [64, 128], bytes again, a
// warp to 16 queries and 32 pixels. Images come with pixels side by side and are turned in registers, 8 byte
// permutations for 4 x 4. A weight has four bytes and a pixel one, so with 4 pixels to a query a block reads as much of
// both, 8 KB and 8 KB a chunk; again three stages. A chunk's sums of 32 bits go to sums of 64 in registers, these to
// memory by atomic adds when a query's bin changes and at the end. Here the top bin is known: chunks that fell below
// the bins are skipped, images without a weight are not read, nor are 32 images without one multiplied, nor lower
// digits where all are zero.
//
// Bytes, for n images of p pixels and 64 queries: the least is n p, once through the data set. find_weights reads n p
// from memory, and 3 n p from the cache (the digits come again for every chunk). sum_images reads up to n p from
// memory, all of it where all images have a weight (much noise), next to nothing where few have one, and up to 4 n p
// from the cache. Weights and states, 4 n + n / 2 bytes a query, are 9 % of n p for CIFAR-10. Two kernels and not one,
// as the second needs the top bin, and a chunk of 64 images of 3072 pixels, 196 KB, leaves no shared memory for the
// rest between its two uses.
//
// Arithmetic: 4 operations a byte of data, query and digit in find_weights, 4 or 8 in sum_images, so 256
// to 512 a byte with 64 queries. Tensor cores do 400 to 660 for a byte of memory (sm_80, sm_89, sm_90): with fewer
// queries memory sets the pace.
#include "cuda/cuda.h"
#include "cuda/optimal.cuh"

namespace ddpm::cuda {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
unsigned blocks(int64_t n) { return static_cast<unsigned>(n); }

void run(const OptimalPass& pass, Stream stream) {
  launch("optimal.split_queries", split_queries, dim3(blocks(pass.query_count)), dim3(kSplitThreads), 0, stream, pass);
  if (pass.chunk_count == 0) return;
  int lines = static_cast<int>(divide_up(pass.query_count, 16)) * 16;
  launch("optimal.find_weights", find_weights, dim3(blocks(pass.chunk_count)),
         dim3(blocks(find_weights_threads(lines))), static_cast<size_t>(find_weights_shared_bytes(lines)), stream,
         pass);
  int64_t strips = divide_up(pass.row_bytes, kSumPixels), spans = divide_up(pass.chunk_count, kSumChunks);
  launch(
      "optimal.sum_images", sum_images, dim3(blocks(strips * spans), blocks(divide_up(pass.query_count, kSumQueries))),
      dim3(blocks(sum_images_threads(pass.query_count))), static_cast<size_t>(sum_images_shared_bytes()), stream, pass);
}

}  // namespace

ddpm_status optimal_partial(const OptimalPartialArgs& a) {
  // Rows come in pieces of 16 bytes.
  if (reinterpret_cast<uintptr_t>(a.data.rows) % 16 != 0) return DDPM_NOT_SUPPORTED;
  const Stream stream = op_stream();
  OptimalPass pass{};
  pass.rows = a.data.rows;
  pass.norms = a.data.norms;
  pass.images = a.data.images;
  pass.pixels = a.data.pixels();
  pass.channels = a.data.channels;
  pass.row_bytes = a.data.row_bytes();
  pass.chunk_count = static_cast<int32_t>(a.last_chunk - a.first_chunk);
  pass.signal = a.signal;
  pass.variance = a.variance;
  int64_t tile = a.queries < kQueryTile ? a.queries : kQueryTile, size = partial_size(pass.pixels);
  DeviceArray<int32_t> chunks(pass.chunk_count + 1, stream);
  DeviceArray<int64_t> partials(tile * size, stream), report(DDPM_OPTIMAL_REPORT, stream), largest_norm(1, stream);
  DeviceArray<Query> queries(tile, stream);
  DeviceArray<int8_t> digits(tile * kDigits * 2 * pass.row_bytes, stream);
  DeviceArray<ChunkState> states(pass.chunk_count * tile + 1, stream);
  DeviceArray<uint8_t> weights(int64_t{pass.chunk_count} * kQueryTile * kPlanes * kChunk + 1, stream);
  pass.chunks = chunks;
  pass.partials = partials;
  pass.report = report;
  pass.largest_norm = largest_norm;
  pass.queries = queries;
  pass.digits = digits;
  pass.states = states;
  pass.weights = weights;
  copy_to_device(chunks, a.chunks + a.first_chunk, static_cast<size_t>(pass.chunk_count + 1) * sizeof(int32_t), stream);
  clear(report, DDPM_OPTIMAL_REPORT * sizeof(int64_t), stream);
  clear(largest_norm, sizeof(int64_t), stream);
  int64_t norm_blocks = divide_up(pass.images, 4 * kSplitThreads);
  launch("optimal.find_largest_norm", find_largest_norm, dim3(blocks(norm_blocks < 256 ? norm_blocks : 256)),
         dim3(kSplitThreads), 0, stream, pass);
  for (int64_t first = 0; first < a.queries; first += kQueryTile) {
    pass.query_count = static_cast<int32_t>(a.queries - first < kQueryTile ? a.queries - first : kQueryTile);
    pass.xt = a.xt + first * pass.pixels;
    run(pass, stream);
    copy_to_host(a.partial + first * size, partials, static_cast<size_t>(pass.query_count * size) * sizeof(int64_t),
                 stream);
  }
  if (a.report == nullptr) return DDPM_OK;
  copy_to_host(a.report, report, DDPM_OPTIMAL_REPORT * sizeof(int64_t), stream);
  a.report[0] = a.queries * (a.chunks[a.last_chunk] - a.chunks[a.first_chunk]);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
