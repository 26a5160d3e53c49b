#pragma once
#include "common/backend.h"
#include "cuda/quads.cuh"

/** The steps of samplers on rows of elements. */
namespace ddpm::cuda {

struct ReverseStep {
  ReverseStepArgs a;
  Rows rows;
  DDPM_DEVICE void operator()(int64_t row, int64_t column) const {
    int64_t start = row * rows.length;
    Quad xt = rows.load(a.xt + start, column), output = rows.load(a.output + start, column), out, x0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float predicted = a.x0_from_xt * xt.at[i] + a.x0_from_output * output.at[i];
      // A NaN shows and does not end as the bound.
      predicted = predicted > a.clip ? a.clip : predicted;
      x0.at[i] = predicted < -a.clip ? -a.clip : predicted;
      out.at[i] = a.from_x0 * x0.at[i] + a.from_xt * xt.at[i] + a.from_output * output.at[i];
    }
    if (a.noise != nullptr) {
      Quad z = rows.load(a.noise + start, column);
#pragma unroll
      for (int i = 0; i < 4; ++i) out.at[i] += a.from_noise * z.at[i];
    }
    rows.store(a.out + start, column, out);
    if (a.x0 != nullptr) rows.store(a.x0 + start, column, x0);
  }
};

/** One for each number of terms, so that all loads of a thread are on their way at once. */
template <int kTerms>
struct LinearCombination {
  LinearCombinationArgs a;
  Rows rows;
  DDPM_DEVICE void operator()(int64_t row, int64_t column) const {
    int64_t start = row * rows.length;
    Quad x[kTerms], sum;
#pragma unroll
    for (int k = 0; k < kTerms; ++k) x[k] = rows.load(a.x[k] + start, column);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum.at[i] = a.weights[0] * x[0].at[i];
#pragma unroll
      for (int k = 1; k < kTerms; ++k) sum.at[i] += a.weights[k] * x[k].at[i];
    }
    rows.store(a.out + start, column, sum);
  }
};

}  // namespace ddpm::cuda
