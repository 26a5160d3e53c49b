#pragma once
#include "cuda/quads.cuh"

/**
 * Sums in double precision whose order follows from the shape alone: a block sums up a chunk of a row, another the
 * chunks. Adding in double what came as float32 still keeps up with memory, and neither squares nor small terms beside
 * large ones are lost.
 */
namespace ddpm::cuda {

constexpr int kSumThreads = 256, kSumQuads = 8;
constexpr int64_t kSumChunk = 4 * kSumThreads * kSumQuads;

/** The block's sum, in all threads. Every pair of lanes adds the same two numbers, so all lanes have the same bits. */
DDPM_DEVICE double block_sum(double value) {
  DDPM_SHARED(double, warps, (kSumThreads / 32));
#pragma unroll
  for (int lanes = 1; lanes < 32; lanes *= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  double sum = warps[0];
#pragma unroll
  for (int i = 1; i < kSumThreads / 32; ++i) sum += warps[i];
  return sum;
}

/** partial[row, chunk] = the sum of f(row, column) over each fourth column of the chunk. */
template <class F>
__global__ void __launch_bounds__(kSumThreads) sum_chunks_kernel(F f, int64_t length, int64_t chunks, double* partial) {
  int64_t chunk, row = split(blockIdx.x, chunks, &chunk);
  double sum = 0;
  for (int i = 0; i < kSumQuads; ++i) {
    int64_t column = chunk * kSumChunk + 4 * (i * kSumThreads + threadIdx.x);
    if (column < length) sum += f(row, column);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/** result(row, sum over chunks). */
template <class Result>
__global__ void __launch_bounds__(kSumThreads) sum_rows_kernel(Result result, int64_t chunks, const double* partial) {
  int64_t row = blockIdx.x;
  double sum = 0;
  for (int64_t chunk = threadIdx.x; chunk < chunks; chunk += kSumThreads) sum += partial[row * chunks + chunk];
  sum = block_sum(sum);
  if (threadIdx.x == 0) result(row, sum);
}

/** Calls result(row, sum of f(row, column) over each fourth column) for each row. */
template <class F, class Result>
void sum_rows(const char* name, const F& f, const Result& result, int64_t rows, int64_t length) {
  int64_t chunks = divide_up(length, kSumChunk);
  Stream stream = op_stream();
  DeviceArray<double> partial(rows * chunks, stream);
  double* partial_sums = partial;
  launch(name, sum_chunks_kernel<F>, grid_of(rows * chunks), dim3(kSumThreads), 0, stream, f, length, chunks,
         partial_sums);
  launch("sum_rows", sum_rows_kernel<Result>, grid_of(rows), dim3(kSumThreads), 0, stream, result, chunks,
         partial_sums);
}

}  // namespace ddpm::cuda
