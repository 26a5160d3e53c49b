// Random numbers: a thread computes a counter of its image's stream, four words or normals, and so needs no state, nor
// does the order of threads matter. Bits are those of the CPU (common/random_arithmetic.h). Ten rounds and the
// polynomials are some 60 instructions a number: on the fastest memory both take about as long.
#include "cuda/cuda.h"
#include "cuda/randn.cuh"

namespace ddpm::cuda {

ddpm_status randn(const RandnArgs& a) {
  each_quad("randn", Randn{a, rows_of(a.images, a.per_image, a.out)}, a.images, a.per_image);
  return DDPM_OK;
}

struct Dropout {
  DropoutArgs a;
  Rows rows;  // images
  uint32_t threshold;
  float kept;
  DDPM_DEVICE void operator()(int64_t image, int64_t column) const {
    random::Stream stream = random::stream_of(a.seed, a.first_image + image, a.draw);
    uint32_t words[4];
    random::philox(stream, static_cast<uint32_t>(column / 4), words);
    Quad q = rows.load(a.x + image * a.per_image, column);
    // A dropped NaN is dropped too: chosen, not multiplied.
#pragma unroll
    for (int i = 0; i < 4; ++i) q.at[i] = words[i] < threshold ? 0.0f : q.at[i] * kept;
    rows.store(a.y + image * a.per_image, column, q);
  }
};

ddpm_status dropout(const DropoutArgs& a) {
  Dropout f{a, rows_of(a.images, a.per_image, a.x, a.y), random::dropout_threshold(a.p), 1.0f / (1.0f - a.p)};
  each_quad("dropout", f, a.images, a.per_image);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
