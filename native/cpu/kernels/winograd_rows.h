#pragma once
#include "cpu/kernels/indirect_product.h"
#include "cpu/kernels/normalization.h"
#include "cpu/kernels/scratch.h"

/**
 * The input of a product as Winograd's convolution reads it: joined and normalised.
 *
 * Tiles overlap: one of F(4 x 4) sees 36 inputs for 16 of its own, and a SiLU costs more than a load and a store of a
 * cache that is near. So inputs are prepared once, into memory of the thread, and transformed from there. Tiles come
 * row after row; a ring of as many rows of a picture as one tile is high holds all that a row of tiles sees, and the
 * last of them serve the next row of tiles: 192 KiB for 32 pixels across and 256 channels.
 */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/** What normalises an image, or null. */
inline const float* coefficients_of(const IndirectProduct& p, int64_t image) {
  return p.coefficients == nullptr ? nullptr : p.coefficients + image * kNormCoefficients * p.from.c();
}

template <int kTile>
struct PreparedRows {
  float* ring = nullptr;  // [kTile][width][depth], row h of a picture at h % kTile; null if nothing is to be done

  PreparedRows(const IndirectProduct& p, bool needed) {
    if (needed) ring = scratch<float>(kPreparedInput, kTile * p.horizontal.sources * p.from.c());
  }

  /** Row h of a picture, which must exist. */
  const float* row(const IndirectProduct& p, int64_t image, int64_t h) const {
    int64_t size = p.horizontal.sources * p.from.c();
    return ring != nullptr ? ring + h % kTile * size : p.from.x + (image * p.vertical.sources + h) * size;
  }

  /** Prepares pixels [left, right) of row h, as far as they exist. */
  void prepare(const IndirectProduct& p, int64_t image, int64_t h, int64_t left, int64_t right) const {
    int64_t width = p.horizontal.sources;
    if (h < 0 || h >= p.vertical.sources) return;
    if (left < 0) left = 0;
    if (right > width) right = width;
    prepare_pixels(p.from, coefficients_of(p, image), p.silu, (image * p.vertical.sources + h) * width + left,
                   right - left, ring + (h % kTile * width + left) * p.from.c());
  }
};

/** The product with all of its input prepared, in memory that the calling thread's next product uses again. */
inline IndirectProduct with_prepared_input(const IndirectProduct& p) {
  int64_t width = p.horizontal.sources, depth = p.from.c();
  float* input = scratch<float>(kPreparedInput, p.images * p.vertical.sources * width * depth);
  parallel_for(p.images * p.vertical.sources, [&](int64_t row) {
    prepare_pixels(p.from, coefficients_of(p, row / p.vertical.sources), p.silu, row * width, width,
                   input + row * width * depth);
  });
  IndirectProduct prepared = p;
  prepared.from = {input, nullptr, depth, 0};
  prepared.coefficients = nullptr;
  return prepared;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
