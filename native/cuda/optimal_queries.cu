// From queries to digits; see optimal.cu.
#include "cuda/optimal.cuh"

namespace ddpm::cuda {
namespace {

DDPM_DEVICE void store(const OptimalPass& pass, int64_t q, int d, int64_t pixel, int32_t digit) {
  pass.digit(q, d, 0)[pixel] = static_cast<int8_t>(digit >> 8);
  pass.digit(q, d, 1)[pixel] = static_cast<int8_t>(digit & 255);
}

DDPM_DEVICE int32_t load(const OptimalPass& pass, int64_t q, int d, int64_t pixel) {
  return pass.digit(q, d, 0)[pixel] * 256 + static_cast<uint8_t>(pass.digit(q, d, 1)[pixel]);
}

}  // namespace

__global__ void __launch_bounds__(kSplitThreads) find_largest_norm(OptimalPass pass) {
  DDPM_SHARED(int64_t, largest, 1);
  if (threadIdx.x == 0) largest[0] = 0;
  __syncthreads();
  // Doubles above zero compare as their bits do.
  int64_t bits = 0;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kSplitThreads + threadIdx.x; i < pass.images;
       i += static_cast<int64_t>(gridDim.x) * kSplitThreads) {
    int64_t norm;
    memcpy(&norm, &pass.norms[i], sizeof norm);
    bits = norm > bits ? norm : bits;
  }
  atomic_max(&largest[0], bits);
  __syncthreads();
  if (threadIdx.x == 0) atomic_max(pass.largest_norm, largest[0]);
}

__global__ void __launch_bounds__(kSplitThreads, 1) split_queries(OptimalPass pass) {
  DDPM_SHARED(uint32_t, largest_bits, 1);
  DDPM_SHARED(double, squares, (kDigits * kSplitThreads));
  DDPM_SHARED(double, sums, kDigits);
  int thread = threadIdx.x;
  int64_t q = blockIdx.x;
  const float* xt = pass.xt + q * pass.pixels;
  if (thread == 0) largest_bits[0] = 0;
  __syncthreads();
  uint32_t bits = 0;
  for (int64_t p = thread; p < pass.pixels; p += kSplitThreads) bits = max(bits, magnitude_of(xt[p]));
  atomicMax(&largest_bits[0], bits);
  __syncthreads();
  float largest = float_of(largest_bits[0]);
  double norm;
  memcpy(&norm, pass.largest_norm, sizeof norm);
  norm = sqrt(norm) / 255;
  bool finite = is_finite(largest, pass.pixels, norm, pass.signal, pass.variance);
  Units units = units_of(finite ? largest : 0, true);
  // What a pixel leaves goes to the next: a thread to a channel.
  for (int64_t c = thread; c < pass.channels && finite; c += kSplitThreads) {
    Shaper shaper{};
    for (int64_t p = c; p < pass.pixels; p += pass.channels) store(pass, q, 0, p, shape_digit(shaper, units, xt[p]));
  }
  __syncthreads();
  double sum = 0;  // of digit `thread`: one thread adds in the order of pixels
  for (int64_t first = 0; first < pass.row_bytes; first += kSplitThreads) {
    int64_t p = first + thread;
    double left[kDigits] = {};
    if (p < pass.row_bytes) {
      int32_t digits[kDigits] = {};
      if (p < pass.pixels && finite) {
        digits[0] = load(pass, q, 0, p);
        split_pixel(units, xt[p], 1, digits, left);
      } else {
        store(pass, q, 0, p, 0);
      }
      for (int d = 1; d < kDigits; ++d) store(pass, q, d, p, digits[d]);
    }
    for (int d = 0; d < kDigits; ++d) squares[d * kSplitThreads + thread] = left[d];
    __syncthreads();
    if (thread < kDigits)
      for (int i = 0; i < kSplitThreads; ++i) sum += squares[thread * kSplitThreads + i];
    __syncthreads();
  }
  if (thread < kDigits) sums[thread] = sum;
  __syncthreads();
  int64_t* partial = pass.partial(q);
  for (int64_t i = 1 + thread; i < partial_size(pass.pixels); i += kSplitThreads) partial[i] = 0;
  if (thread > 0) return;
  partial[0] = finite ? kNoBin : kNotFinite;
  double totals[kDigits] = {sums[0], sums[1], sums[2]};
  pass.queries[q] = finite ? query_of(units, totals, norm, pass.signal, pass.variance) : Query{};
  if (finite) atomic_add(pass.report + 1, pass.chunks[pass.chunk_count] - pass.chunks[0]);
}

}  // namespace ddpm::cuda
