// The optimal denoiser as three kernels. All that is summed is whole numbers, so the order of sums is free, and partial
// results have the bits of the CPU kernels whatever the grid, the order of blocks or the batch.
//
// split_queries, a block to a query: three digits of 16 bits, each as a plane of upper (signed) and one of lower
// (unsigned) bytes.
//
// find_weights, a block to a chunk of up to 96 images and up to 64 queries: a product of bytes, [96, pixels] times
// [pixels, 64] for both planes of a digit, on the tensor cores (mma.sync m16n8k32). A warp takes 32 images and 16
// queries, so that what it reads from shared memory (2 KB for 8 products) keeps pace with what it multiplies. Tiles of
// 64 pixels, 14 KB with 64 queries, come by cp.async, three stages deep, 42 KB: two are on their way while one is
// multiplied, and no multiprocessor is too small. Sums and logarithms stay in registers, which leave room for one block
// of 64 queries (12 warps) or several of fewer. Weights leave as four planes of bytes, as the next kernel multiplies
// them. The products of the second and third digit are made only in chunks that can still matter, where the rows come
// from the second-level cache.
//
// sum_images, a block to 128 pixels, 32 queries and 64 chunks: weights [32, 96] times images [96, 128], bytes again, a
// warp to 16 queries and 32 pixels. Images come with pixels side by side and are turned in registers, 8 byte
// permutations for 4 x 4. A weight has four bytes and a pixel one, so with 4 pixels to a query a block reads as much of
// both, 12 KB and 12 KB a chunk; again three stages. A chunk's sums of 32 bits go to sums of 64 in registers, these to
// memory by atomic adds when a query's bin changes and at the end. Here the top bin is known: chunks that fell below
// the bins are skipped, images without a weight are not read, nor are 32 images without one multiplied, nor lower
// digits where all are zero.
//
// Bytes, for n images of p pixels and 64 queries: the least is n p, once through the data set. find_weights reads n p
// from memory, and 2.3 n p from the cache (the digits come again for every chunk). sum_images reads up to n p from
// memory, all of it where all images have a weight (much noise), next to nothing where few have one, and up to 4 n p
// from the cache. Weights and states, 4 n + n / 3 bytes a query, are 9 % of n p for CIFAR-10. Two kernels and not one,
// as the second needs the top bin, and a chunk of 96 images of 3072 pixels, 295 KB, does not fit shared memory between
// its two uses.
//
// Arithmetic: 4 operations a byte of data, query and digit in find_weights, 4 or 8 in sum_images, so 256
// to 512 a byte with 64 queries. Tensor cores do 400 to 660 for a byte of memory (sm_80, sm_89, sm_90): with fewer
// queries memory sets the pace.
#include "cuda/optimal.cuh"

namespace ddpm::cuda {
namespace {

constexpr int kSplitThreads = 256;
constexpr int64_t kAlignment = 256;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

__global__ void __launch_bounds__(kSplitThreads) split_queries(OptimalPass pass) {
  DDPM_SHARED(uint32_t, largest_bits, 1);
  DDPM_SHARED(double, squares, (kDigits * kSplitThreads));
  DDPM_SHARED(double, sums, kDigits);
  const OptimalArgs& a = pass.args;
  int thread = threadIdx.x;
  int64_t q = blockIdx.x;
  const float* xt = a.xt + q * a.pixels;
  if (thread == 0) largest_bits[0] = 0;
  __syncthreads();
  // Magnitudes compare as their bits do, and NaN above all.
  uint32_t bits = 0;
  for (int64_t p = thread; p < a.pixels; p += kSplitThreads) bits = max(bits, __float_as_uint(xt[p]) & 0x7fffffffu);
  atomicMax(&largest_bits[0], bits);
  __syncthreads();
  float largest = __uint_as_float(largest_bits[0]);
  bool finite = largest <= kLargestFinite;
  Units units = units_of(finite ? largest : 0);
  double sum = 0;  // of digit `thread`: one thread adds in the order of pixels
  for (int64_t first = 0; first < a.row_bytes; first += kSplitThreads) {
    int64_t p = first + thread;
    int32_t digits[kDigits] = {};
    double left[kDigits] = {};
    if (p < a.pixels && finite) split_pixel(units, xt[p], digits, left);
    for (int d = 0; d < kDigits; ++d) {
      squares[d * kSplitThreads + thread] = left[d];
      if (p >= a.row_bytes) continue;
      int8_t* out = pass.digits + ((q * kDigits + d) * 2) * a.row_bytes + p;
      out[0] = upper_byte(digits[d]);
      out[a.row_bytes] = static_cast<int8_t>(lower_byte(digits[d]));
    }
    __syncthreads();
    if (thread < kDigits)
      for (int i = 0; i < kSplitThreads; ++i) sum += squares[thread * kSplitThreads + i];
    __syncthreads();
  }
  if (thread < kDigits) sums[thread] = sum;
  __syncthreads();
  int64_t* partial = pass.partial(q);
  for (int64_t i = 1 + thread; i < pass.partial_size; i += kSplitThreads) partial[i] = 0;
  if (thread > 0) return;
  double totals[kDigits] = {sums[0], sums[1], sums[2]};
  Query query = query_of(largest, units, totals, a.pixels, a.largest_norm, a.signal, a.variance);
  pass.queries[q] = query;
  partial[0] = query.digits == 0 ? kNotFinite : kNoBin;
}

int64_t optimal_workspace_bytes(int64_t row_bytes, int64_t chunks, int64_t queries) {
  int64_t blocks = (queries + kSumQueries - 1) / kSumQueries;
  return round_up(queries * static_cast<int64_t>(sizeof(Query)), kAlignment) +
         round_up(queries * kDigits * 2 * row_bytes, kAlignment) +
         round_up(chunks * queries * static_cast<int64_t>(sizeof(ChunkState)), kAlignment) +
         chunks * blocks * kPlanes * kSumQueries * kChunk;
}

cudaError_t optimal_partial(const OptimalArgs& args, Stream stream) {
  if (args.queries == 0) return cudaSuccess;
  OptimalPass pass{};
  pass.args = args;
  pass.partial_size = kHeader + kBins * args.pixels;
  pass.query_blocks = (args.queries + kSumQueries - 1) / kSumQueries;
  pass.chunks = args.last_chunk - args.first_chunk;
  char* memory = static_cast<char*>(args.workspace);
  auto take = [&](int64_t bytes) {
    char* at = memory;
    memory += round_up(bytes, kAlignment);
    return at;
  };
  pass.queries = reinterpret_cast<Query*>(take(args.queries * static_cast<int64_t>(sizeof(Query))));
  pass.digits = reinterpret_cast<int8_t*>(take(args.queries * kDigits * 2 * args.row_bytes));
  pass.states = reinterpret_cast<ChunkState*>(
      take(static_cast<int64_t>(pass.chunks) * args.queries * static_cast<int64_t>(sizeof(ChunkState))));
  pass.weights = reinterpret_cast<uint8_t*>(memory);
  auto count = [](int64_t n) { return static_cast<unsigned>(n); };
  cudaError_t status =
      launch("optimal.split_queries", split_queries, dim3(count(args.queries)), dim3(kSplitThreads), 0, stream, pass);
  if (status != cudaSuccess || pass.chunks == 0) return status;
  // Query tiles of a chunk are neighbours, so that the second one finds the chunk in the cache.
  int64_t tiles = (args.queries + kQueryTile - 1) / kQueryTile;
  int64_t lines = args.queries < kQueryTile ? round_up(args.queries, 16) : kQueryTile;
  status = launch("optimal.find_weights", find_weights, dim3(count(tiles * pass.chunks)), dim3(count(lines * 6)),
                  static_cast<size_t>(find_weights_shared_bytes(static_cast<int>(lines))), stream, pass);
  if (status != cudaSuccess) return status;
  int64_t strips = (args.row_bytes + kSumPixels - 1) / kSumPixels, spans = (pass.chunks + kSumChunks - 1) / kSumChunks;
  return launch("optimal.sum_images", sum_images, dim3(count(strips * spans), count(pass.query_blocks)),
                dim3(args.queries <= 16 ? 128 : 256), static_cast<size_t>(sum_images_shared_bytes()), stream, pass);
}

}  // namespace ddpm::cuda
