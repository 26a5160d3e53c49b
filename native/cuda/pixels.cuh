#pragma once
#include "cuda/quads.cuh"

/**
 * Passes over the pixels of images [N,pixels,C] that keep something of each channel: sums, moments, factors.
 *
 * A block takes a chunk of pixels and a strip of up to 128 channels of one image, 32 KB. A thread keeps four channels
 * and takes eight pixels, so all its loads of 16 bytes are on their way at once, and a warp reads whole runs of memory,
 * of 512 bytes with 128 channels or more. With fewer channels the strip is as narrow as they are and the chunk longer.
 * Chunks follow from the shape of an image alone, and so does the order in which what they keep is merged.
 */
namespace ddpm::cuda {

constexpr int kPixelThreads = 256, kThreadPixels = 8, kMostQuads = 32;

/** How images are cut. */
struct PixelPlan {
  int64_t n, pixels, chunks, strips;
  int width, phases;  // quads of a strip, and threads that share one
  Rows rows;          // of channels

  template <class... Pointers>
  static PixelPlan of(int64_t n, int64_t pixels, int64_t c, const Pointers*... pointers) {
    int width = 1;
    while (width < kMostQuads && 4 * width < c) width *= 2;
    int phases = kPixelThreads / width;
    return {n,
            pixels,
            divide_up(pixels, int64_t{phases} * kThreadPixels),
            divide_up(c, int64_t{4} * width),
            width,
            phases,
            rows_of(2, c, pointers...)};
  }

  DDPM_DEVICE int64_t c() const { return rows.length; }
  DDPM_DEVICE int64_t chunk_pixels() const { return int64_t{phases} * kThreadPixels; }
  DDPM_DEVICE int64_t count(int64_t chunk) const { return min(chunk_pixels(), pixels - chunk * chunk_pixels()); }
  int64_t blocks() const { return n * chunks * strips; }
};

/** The part of a thread: pixels first, first + phases ... and four channels, or none. */
struct PixelPart {
  int64_t image, chunk, channel, first;
  int phase, count;

  DDPM_DEVICE explicit PixelPart(const PixelPlan& plan) {
    int64_t strip, rest = split(blockIdx.x, plan.strips, &strip);
    image = split(rest, plan.chunks, &chunk);
    int thread = static_cast<int>(threadIdx.x);
    phase = thread / plan.width;
    channel = 4 * (strip * plan.width + thread % plan.width);
    first = chunk * plan.chunk_pixels() + phase;
    int64_t left = plan.pixels - first;
    count = left <= 0 || channel >= plan.c() ? 0 : static_cast<int>(min((left - 1) / plan.phases + 1, int64_t{8}));
  }

  /** Its i-th pixel, counted over all images, and where that starts in a matrix of [N,pixels,C]. */
  DDPM_DEVICE int64_t pixel(const PixelPlan& plan, int i) const {
    return image * plan.pixels + first + i * plan.phases;
  }
  DDPM_DEVICE int64_t at(const PixelPlan& plan, int i) const { return pixel(plan, i) * plan.c(); }
  /** Whether it is the one that writes what the threads of its channels have merged. */
  DDPM_DEVICE bool keeps(const PixelPlan& plan) const { return phase == 0 && channel < plan.c(); }
};

/** merge(mine, other) over the threads that share channels, in a fixed order; phase 0 has the result. */
template <int kFields, class Merge>
DDPM_DEVICE void merge_phases(const PixelPlan& plan, const PixelPart& part, double (&mine)[kFields],
                              const Merge& merge) {
  constexpr int kHalf = kPixelThreads / 2;
  DDPM_SHARED(double, shared, (kFields * kHalf));
  int thread = static_cast<int>(threadIdx.x);
  for (int half = plan.phases / 2; half > 0; half /= 2) {
    if (part.phase >= half && part.phase < 2 * half) {
#pragma unroll
      for (int i = 0; i < kFields; ++i) shared[i * kHalf + thread - half * plan.width] = mine[i];
    }
    __syncthreads();
    if (part.phase < half) {
      double other[kFields];
#pragma unroll
      for (int i = 0; i < kFields; ++i) other[i] = shared[i * kHalf + thread];
      merge(mine, other);
    }
    __syncthreads();
  }
}

/** Sums of kSums numbers of each channel, the sums of part i at [4 i] and on. */
template <int kFields>
DDPM_DEVICE void sum_phases(const PixelPlan& plan, const PixelPart& part, double (&sums)[kFields]) {
  merge_phases(plan, part, sums, [](double(&mine)[kFields], const double(&other)[kFields]) {
#pragma unroll
    for (int i = 0; i < kFields; ++i) mine[i] += other[i];
  });
}

/** Starts a kernel whose blocks and threads have the parts of the plan. */
template <class... Parameters, class... Args>
void each_part(const char* name, void (*kernel)(Parameters...), const PixelPlan& plan, const Args&... args) {
  launch(name, kernel, grid_of(plan.blocks()), dim3(kPixelThreads), 0, op_stream(), plan, args...);
}

}  // namespace ddpm::cuda
