// Losses and optimisers.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Elements summed in float32 lanes before the sum goes on in double. */
constexpr int64_t kSumBlock = 512;

/** Sum of terms(i) -> vector of partial terms over [begin, end), blocks added in double. */
template <class Terms>
double sum_range(int64_t begin, int64_t end, const Terms& terms) {
  double total = 0;
  for (int64_t block = begin; block < end; block += kSumBlock) {
    int64_t block_end = block + kSumBlock < end ? block + kSumBlock : end;
    Vec partial{};
    for (int64_t i = block; i < block_end; i += kLanes) partial += terms(i, block_end);
    for (int lane = 0; lane < kLanes; ++lane) total += partial[lane];
  }
  return total;
}

}  // namespace

ddpm_status mse(const MseArgs& a) {
  float slope = static_cast<float>(2.0 * a.grad_scale / (static_cast<double>(a.images) * static_cast<double>(a.per_image)));
  parallel_for(a.images, [&](int64_t n) {
    int64_t begin = n * a.per_image, end = begin + a.per_image;
    double sum = sum_range(begin, end, [&](int64_t i, int64_t last) {
      Vec d = load_columns(a.prediction, i, last) - load_columns(a.target, i, last);
      return d * d;
    });
    a.losses[n] = static_cast<float>(sum / static_cast<double>(a.per_image));
    if (a.dprediction != nullptr)
      map_range(begin, end, a.dprediction, [slope](Vec p, Vec t) { return slope * (p - t); }, a.prediction, a.target);
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
    auto scaled = [&](Vec g) { return a.grad_scale * g; };
    const float *m = a.m, *v = a.v, *p = a.parameters;
    map_range(begin, end, a.m, [&](Vec old, Vec g) { return a.beta1 * old + (1 - a.beta1) * scaled(g); }, m, a.gradients);
    map_range(
        begin, end, a.v,
        [&](Vec old, Vec g) {
          Vec s = scaled(g);
          return a.beta2 * old + (1 - a.beta2) * s * s;
        },
        v, a.gradients);
    map_range(
        begin, end, a.parameters,
        [&](Vec old, Vec first, Vec second) { return old - rate * first / (square_root(second) / root + a.eps); }, p, m, v);
  });
  return DDPM_OK;
}

ddpm_status ema(const EmaArgs& a) {
  const float* average = a.average;
  // The form average + (1 - decay) (parameters - average) keeps an average of equal values exact.
  map(
      a.count, a.average, [rest = 1 - a.decay](Vec old, Vec p) { return old + rest * (p - old); }, average, a.parameters);
  return DDPM_OK;
}

ddpm_status sum_squares(const SumSquaresArgs& a) {
  int64_t chunks = divide_up(a.count, kChunk);
  auto* partial = static_cast<double*>(thread_scratch(kPartialSums, static_cast<size_t>(chunks) * sizeof(double)));
  parallel_for(chunks, [&](int64_t chunk) {
    int64_t begin = chunk * kChunk, end = begin + kChunk < a.count ? begin + kChunk : a.count;
    partial[chunk] = sum_range(begin, end, [&](int64_t i, int64_t last) {
      Vec v = load_columns(a.x, i, last);
      return v * v;
    });
  });
  double total = 0;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) total += partial[chunk];
  *a.sum = total;
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
