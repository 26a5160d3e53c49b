// The forward process and the step of the reverse process: one pass over memory each, see quads.cuh.
#include "cuda/cuda.h"
#include "cuda/diffusion.cuh"

namespace ddpm::cuda {

struct QSample {
  QSampleArgs a;
  Rows rows;  // images
  DDPM_DEVICE void operator()(int64_t image, int64_t column) const {
    float signal = a.signal[image], sigma = a.sigma[image];
    Quad x0 = rows.load(a.x0 + image * a.per_image, column), noise = rows.load(a.noise + image * a.per_image, column);
#pragma unroll
    for (int i = 0; i < 4; ++i) x0.at[i] = signal * x0.at[i] + sigma * noise.at[i];
    rows.store(a.xt + image * a.per_image, column, x0);
  }
};

ddpm_status q_sample(const QSampleArgs& a) {
  each_quad("q_sample", QSample{a, rows_of(a.images, a.per_image, a.x0, a.noise, a.xt)}, a.images, a.per_image);
  return DDPM_OK;
}

ddpm_status reverse_step(const ReverseStepArgs& a) {
  each_quad("reverse_step", ReverseStep{a, rows_of(1, a.count, a.xt, a.output, a.noise, a.out, a.x0)}, 1, a.count);
  return DDPM_OK;
}

namespace {

template <int kTerms>
void combine(const LinearCombinationArgs& a) {
  if (a.terms != kTerms) {
    if constexpr (kTerms > 1) combine<kTerms - 1>(a);
    return;
  }
  Rows rows = rows_of(1, a.count, a.out);
  for (int k = 0; k < kTerms; ++k) rows.vector = rows.vector && are_aligned(a.x[k]);
  each_quad("linear_combination", LinearCombination<kTerms>{a, rows}, 1, a.count);
}

}  // namespace

ddpm_status linear_combination(const LinearCombinationArgs& a) {
  combine<LinearCombinationArgs::kMaxTerms>(a);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
