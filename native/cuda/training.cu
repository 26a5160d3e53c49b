// Losses and optimisers.
//
// The library keeps all parameters of a network in one block of memory, and their gradients and averages in others. So
// Adam and the moving average are one launch over everything without being told of single tensors: 28 and 12 bytes a
// parameter, each moved once.
#include <cmath>

#include "cuda/cuda.h"
#include "cuda/indices.cuh"
#include "cuda/quads.cuh"
#include "cuda/sums.cuh"

namespace ddpm::cuda {

struct SquaredError {
  MseArgs a;
  Rows rows;  // images
  float slope;
  DDPM_DEVICE double operator()(int64_t image, int64_t column) const {
    int64_t first = image * a.per_image;
    Quad p = rows.load(a.prediction + first, column), t = rows.load(a.target + first, column);
    double sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      double d = static_cast<double>(p.at[i]) - static_cast<double>(t.at[i]);
      sum += d * d;
      p.at[i] = slope * (p.at[i] - t.at[i]);
    }
    if (a.dprediction != nullptr) rows.store(a.dprediction + first, column, p);
    return sum;
  }
};

struct MeanLoss {
  float* losses;
  double count;
  DDPM_DEVICE void operator()(int64_t image, double sum) const { losses[image] = static_cast<float>(sum / count); }
};

ddpm_status mse(const MseArgs& a) {
  double count = static_cast<double>(a.images) * static_cast<double>(a.per_image);
  SquaredError error{a, rows_of(a.images, a.per_image, a.prediction, a.target, a.dprediction),
                     static_cast<float>(2.0 * a.grad_scale / count)};
  sum_rows("mse", error, MeanLoss{a.losses, static_cast<double>(a.per_image)}, a.images, a.per_image);
  return DDPM_OK;
}

/** A thread to a row: rows are few and short. */
__global__ void __launch_bounds__(kQuadThreads) cross_entropy_kernel(CrossEntropyArgs a) {
  int64_t row = int64_t{blockIdx.x} * kQuadThreads + threadIdx.x;
  if (row >= a.rows) return;
  const float* logits = a.logits + row * a.classes;
  double largest = logits[0], sum = 0;
  for (int64_t i = 1; i < a.classes; ++i) largest = logits[i] > largest ? logits[i] : largest;
  for (int64_t i = 0; i < a.classes; ++i) sum += exp(logits[i] - largest);
  auto label = static_cast<int64_t>(a.labels[row]);
  double log_sum = largest + log(sum);
  a.losses[row] = static_cast<float>(log_sum - logits[label]);
  if (a.dlogits == nullptr) return;
  for (int64_t i = 0; i < a.classes; ++i)
    a.dlogits[row * a.classes + i] =
        static_cast<float>((exp(logits[i] - log_sum) - (i == label ? 1 : 0)) / static_cast<double>(a.rows));
}

ddpm_status cross_entropy(const CrossEntropyArgs& a) {
  check_indices("labels", a.labels, a.rows, a.classes);
  launch("cross_entropy", cross_entropy_kernel, grid_of(divide_up(a.rows, kQuadThreads)), dim3(kQuadThreads), 0,
         op_stream(), a);
  return DDPM_OK;
}

struct Adam {
  AdamArgs a;
  Rows rows;
  float rate, root;  // with the corrections of the step
  DDPM_DEVICE void operator()(int64_t, int64_t column) const {
    Quad g = rows.load(a.gradients, column), m = rows.load(a.m, column), v = rows.load(a.v, column);
    Quad p = rows.load(a.parameters, column);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float slope = a.grad_scale * g.at[i];
      m.at[i] = a.beta1 * m.at[i] + (1 - a.beta1) * slope;
      v.at[i] = a.beta2 * v.at[i] + (1 - a.beta2) * slope * slope;
      p.at[i] -= rate * m.at[i] / (sqrtf(v.at[i]) / root + a.eps);
    }
    rows.store(a.m, column, m);
    rows.store(a.v, column, v);
    rows.store(a.parameters, column, p);
  }
};

ddpm_status adam(const AdamArgs& a) {
  double correction1 = 1 - std::pow(static_cast<double>(a.beta1), static_cast<double>(a.step));
  double correction2 = 1 - std::pow(static_cast<double>(a.beta2), static_cast<double>(a.step));
  Adam f{a, rows_of(1, a.count, a.gradients, a.m, a.v, a.parameters), static_cast<float>(a.learning_rate / correction1),
         static_cast<float>(std::sqrt(correction2))};
  each_quad("adam", f, 1, a.count);
  return DDPM_OK;
}

struct Ema {
  float rest;  // 1 - decay
  // In this form an average of equal values stays exact.
  DDPM_DEVICE float operator()(float average, float parameter) const { return average + rest * (parameter - average); }
};

ddpm_status ema(const EmaArgs& a) {
  const float* average = a.average;
  map("ema", Ema{1 - a.decay}, a.count, a.average, average, a.parameters);
  return DDPM_OK;
}

struct Square {
  const float* x;
  Rows rows;
  DDPM_DEVICE double operator()(int64_t, int64_t column) const {
    Quad q = rows.load(x, column);
    double sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(q.at[i]) * static_cast<double>(q.at[i]);
    return sum;
  }
};

struct KeepSum {
  double* to;
  DDPM_DEVICE void operator()(int64_t, double sum) const { *to = sum; }
};

ddpm_status sum_squares(const SumSquaresArgs& a) {
  DeviceArray<double> sum(1, op_stream());
  sum_rows("sum_squares", Square{a.x, rows_of(1, a.count, a.x)}, KeepSum{sum}, 1, a.count);
  copy_to_host(a.sum, sum, sizeof(double), op_stream());
  return DDPM_OK;
}

}  // namespace ddpm::cuda
