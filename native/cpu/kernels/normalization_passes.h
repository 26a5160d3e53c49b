#pragma once
#include <cstring>

#include "common/thread_pool.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/vector.h"

/**
 * The two passes of a group normalisation, forward or backward, over its operands: for sums, and for the result.
 *
 * An image is cut into chunks of pixels that follow from its shape, and a chunk has sums of its own, which are added up
 * in order. With enough images a task takes a whole one, whose second reading then comes from the cache; with few, a
 * task takes a chunk. The arithmetic is the same.
 */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Elements of a chunk, about: two threads can share the smallest image worth sharing. */
constexpr int64_t kImageChunk = 8192;

/** A run of pixels of one image. */
struct Pixels {
  int64_t image, begin, end;
};

/**
 * Runs both passes of a direction over n images. The direction has, per channel, kSums sums and kCoefficients numbers
 * that stay the same over an image:
 *   prepare(image, coefficients) fills those that the first pass needs,
 *   add(pixels, coefficients, sums) adds pixels to sums,
 *   fold(image, sums, coefficients) fills those that the second pass needs,
 *   write(pixels, coefficients) writes the result.
 */
template <class Direction>
void run_passes(const Direction& direction, int64_t n, int64_t pixels, int64_t c) {
  int64_t step = c < kImageChunk ? kImageChunk / c : 1, chunks = divide_up(pixels, step);
  int64_t sums_size = Direction::kSums * c, coefficients_size = Direction::kCoefficients * c;
  auto chunk_of = [&](int64_t image, int64_t chunk) {
    int64_t begin = chunk * step;
    return Pixels{image, begin, begin + step < pixels ? begin + step : pixels};
  };
  auto add_chunk = [&](int64_t image, int64_t chunk, const float* coefficients, double* sums) {
    std::memset(sums, 0, static_cast<size_t>(sums_size) * sizeof(double));
    direction.add(chunk_of(image, chunk), coefficients, sums);
  };
  auto merge = [&](double* total, const double* sums) {
    for (int64_t i = 0; i < sums_size; ++i) total[i] += sums[i];
  };

  if (chunks == 1 || n % thread_count() == 0 || n >= 4 * thread_count()) {
    parallel_for(n, [&](int64_t image) {
      double* total = scratch<double>(kPartialSums, 2 * sums_size);
      float* coefficients = scratch<float>(kPanelScratch, coefficients_size);
      direction.prepare(image, coefficients);
      add_chunk(image, 0, coefficients, total);
      for (int64_t chunk = 1; chunk < chunks; ++chunk) {
        add_chunk(image, chunk, coefficients, total + sums_size);
        merge(total, total + sums_size);
      }
      direction.fold(image, total, coefficients);
      direction.write({image, 0, pixels}, coefficients);
    });
    return;
  }
  double* sums = scratch<double>(kPartialSums, n * chunks * sums_size);
  float* coefficients = scratch<float>(kPanelScratch, n * coefficients_size);
  for (int64_t image = 0; image < n; ++image) direction.prepare(image, coefficients + image * coefficients_size);
  parallel_for(n * chunks, [&](int64_t i) {
    add_chunk(i / chunks, i % chunks, coefficients + i / chunks * coefficients_size, sums + i * sums_size);
  });
  for (int64_t image = 0; image < n; ++image) {
    double* total = sums + image * chunks * sums_size;
    for (int64_t chunk = 1; chunk < chunks; ++chunk) merge(total, total + chunk * sums_size);
    direction.fold(image, total, coefficients + image * coefficients_size);
  }
  parallel_for(n * chunks, [&](int64_t i) {
    direction.write(chunk_of(i / chunks, i % chunks), coefficients + i / chunks * coefficients_size);
  });
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
