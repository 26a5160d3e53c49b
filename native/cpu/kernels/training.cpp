// Losses and optimisers.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/sums.h"

namespace ddpm::cpu::DDPM_ISA {
ddpm_status mse(const MseArgs& a) {
  double count = static_cast<double>(a.images) * static_cast<double>(a.per_image);
  float slope = static_cast<float>(2.0 * a.grad_scale / count);
  parallel_for(a.images, [&](int64_t n) {
    int64_t begin = n * a.per_image, end = begin + a.per_image;
    double sum = sum_of(begin, end, [&](int64_t i) {
      double d = static_cast<double>(a.prediction[i]) - a.target[i];
      return d * d;
    });
    a.losses[n] = static_cast<float>(sum / static_cast<double>(a.per_image));
    if (a.dprediction != nullptr)
      map_range(
          begin, end, a.dprediction, [slope](Vec p, Vec t) { return slope * (p - t); }, a.prediction, a.target);
  });
  return DDPM_OK;
}

ddpm_status cross_entropy(const CrossEntropyArgs& a) {
  for (int64_t row = 0; row < a.rows; ++row) checked_index("labels", a.labels[row], a.classes);
  for_rows(a.rows, a.classes, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* logits = a.logits + row * a.classes;
      double largest = logits[0], sum = 0;
      for (int64_t i = 1; i < a.classes; ++i) largest = logits[i] > largest ? logits[i] : largest;
      for (int64_t i = 0; i < a.classes; ++i) sum += std::exp(logits[i] - largest);
      auto label = static_cast<int64_t>(a.labels[row]);
      double log_sum = largest + std::log(sum);
      a.losses[row] = static_cast<float>(log_sum - logits[label]);
      if (a.dlogits != nullptr)
        for (int64_t i = 0; i < a.classes; ++i)
          a.dlogits[row * a.classes + i] =
              static_cast<float>((std::exp(logits[i] - log_sum) - (i == label ? 1 : 0)) / static_cast<double>(a.rows));
    }
  });
  return DDPM_OK;
}

ddpm_status adam(const AdamArgs& a) {
  double correction1 = 1 - std::pow(static_cast<double>(a.beta1), static_cast<double>(a.step));
  double correction2 = 1 - std::pow(static_cast<double>(a.beta2), static_cast<double>(a.step));
  auto rate = static_cast<float>(a.learning_rate / correction1);
  auto root = static_cast<float>(std::sqrt(correction2));
  for_chunks(a.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kLanes) {
      Vec g = a.grad_scale * load_columns(a.gradients, i, end);
      Vec m = a.beta1 * load_columns(a.m, i, end) + (1 - a.beta1) * g;
      Vec v = a.beta2 * load_columns(a.v, i, end) + (1 - a.beta2) * g * g;
      Vec change = rate * m / (square_root(v) / root + a.eps);
      store_columns(a.m, i, end, m);
      store_columns(a.v, i, end, v);
      store_columns(a.parameters, i, end, load_columns(a.parameters, i, end) - change);
    }
  });
  return DDPM_OK;
}

ddpm_status ema(const EmaArgs& a) {
  const float* average = a.average;
  // The form average + (1 - decay) (parameters - average) keeps an average of equal values exact.
  map(
      a.count, a.average, [rest = 1 - a.decay](Vec old, Vec p) { return old + rest * (p - old); }, average,
      a.parameters);
  return DDPM_OK;
}

ddpm_status sum_squares(const SumSquaresArgs& a) {
  int64_t chunks = divide_up(a.count, kChunk);
  double* partial = scratch<double>(kPartialSums, chunks);
  parallel_for(chunks, [&](int64_t chunk) {
    int64_t begin = chunk * kChunk, end = begin + kChunk < a.count ? begin + kChunk : a.count;
    partial[chunk] = sum_of(begin, end, [&](int64_t i) { return static_cast<double>(a.x[i]) * a.x[i]; });
  });
  double total = 0;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) total += partial[chunk];
  *a.sum = total;
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
