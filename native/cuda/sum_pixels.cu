// Sums over the pixels of an image: the gradient of a bias per image and channel. A block adds up a chunk of pixels in
// double (see pixels.cuh), a thread then the chunks of a channel; the second pass reads a 32nd of what the first does,
// or less.
#include "cuda/cuda.h"
#include "cuda/pixels.cuh"

namespace ddpm::cuda {

__global__ void __launch_bounds__(kPixelThreads) sum_pixel_chunks_kernel(PixelPlan plan, const float* x, double* kept) {
  PixelPart part(plan);
  Quad values[kThreadPixels];
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i)
    values[i] = i < part.count ? plan.rows.load(x + part.at(plan, i), part.channel) : Quad{};
  double sums[4] = {};
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i)
#pragma unroll
    for (int c = 0; c < 4; ++c) sums[c] += values[i].at[c];
  sum_phases(plan, part, sums);
  if (!part.keeps(plan)) return;
  double* to = kept + (part.image * plan.chunks + part.chunk) * plan.c() + part.channel;
#pragma unroll
  for (int c = 0; c < 4; ++c)
    if (part.channel + c < plan.c()) to[c] = sums[c];
}

__global__ void __launch_bounds__(kQuadThreads) sum_pixel_rows_kernel(PixelPlan plan, const double* kept, float* y) {
  int64_t i = int64_t{blockIdx.x} * kQuadThreads + threadIdx.x, c;
  if (i >= plan.n * plan.c()) return;
  int64_t image = split(i, plan.c(), &c);
  double sum = 0;
  for (int64_t chunk = 0; chunk < plan.chunks; ++chunk) sum += kept[(image * plan.chunks + chunk) * plan.c() + c];
  y[i] = static_cast<float>(sum);
}

ddpm_status sum_pixels(const SumPixelsArgs& a) {
  PixelPlan plan = PixelPlan::of(a.n, a.pixels, a.c, a.x);
  Stream stream = op_stream();
  DeviceArray<double> kept(a.n * plan.chunks * a.c, stream);
  double* sums = kept;
  each_part("sum_pixels", sum_pixel_chunks_kernel, plan, a.x, sums);
  launch("sum_pixel_rows", sum_pixel_rows_kernel, grid_of(divide_up(a.n * a.c, kQuadThreads)), dim3(kQuadThreads), 0,
         stream, plan, sums, a.y);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
