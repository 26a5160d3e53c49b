// The forward process and the step of the reverse process: one pass over memory each, see quads.cuh.
#include "cuda/cuda.h"
#include "cuda/quads.cuh"

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

struct ReverseStep {
  ReverseStepArgs a;
  Rows rows;
  DDPM_DEVICE void operator()(int64_t, int64_t column) const {
    Quad xt = rows.load(a.xt, column), output = rows.load(a.output, column), out, x0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float predicted = a.x0_from_xt * xt.at[i] + a.x0_from_output * output.at[i];
      // A NaN shows and does not end as the bound.
      predicted = predicted > a.clip ? a.clip : predicted;
      x0.at[i] = predicted < -a.clip ? -a.clip : predicted;
      out.at[i] = a.from_x0 * x0.at[i] + a.from_xt * xt.at[i] + a.from_output * output.at[i];
    }
    if (a.noise != nullptr) {
      Quad z = rows.load(a.noise, column);
#pragma unroll
      for (int i = 0; i < 4; ++i) out.at[i] += a.from_noise * z.at[i];
    }
    rows.store(a.out, column, out);
    if (a.x0 != nullptr) rows.store(a.x0, column, x0);
  }
};

ddpm_status reverse_step(const ReverseStepArgs& a) {
  each_quad("reverse_step", ReverseStep{a, rows_of(1, a.count, a.xt, a.output, a.noise, a.out, a.x0)}, 1, a.count);
  return DDPM_OK;
}

/** A kernel for each number of terms, so that all loads of a thread are on their way at once. */
template <int kTerms>
struct LinearCombination {
  LinearCombinationArgs a;
  Rows rows;
  DDPM_DEVICE void operator()(int64_t, int64_t column) const {
    Quad x[kTerms], sum;
#pragma unroll
    for (int k = 0; k < kTerms; ++k) x[k] = rows.load(a.x[k], column);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum.at[i] = a.weights[0] * x[0].at[i];
#pragma unroll
      for (int k = 1; k < kTerms; ++k) sum.at[i] += a.weights[k] * x[k].at[i];
    }
    rows.store(a.out, column, sum);
  }
};

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
