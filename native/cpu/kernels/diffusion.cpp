// The forward process and the step of the reverse process: one pass over memory each.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {

ddpm_status q_sample(const QSampleArgs& a) {
  int64_t chunks = divide_up(a.per_image, kChunk);
  parallel_for(a.images * chunks, [&](int64_t task) {
    int64_t n = task / chunks, last = (n + 1) * a.per_image, begin = n * a.per_image + task % chunks * kChunk;
    map_range(
        begin, begin + kChunk < last ? begin + kChunk : last, a.xt,
        [signal = a.signal[n], sigma = a.sigma[n]](Vec x0, Vec noise) { return signal * x0 + sigma * noise; }, a.x0,
        a.noise);
  });
  return DDPM_OK;
}

ddpm_status reverse_step(const ReverseStepArgs& a) {
  auto predict = [&](Vec xt, Vec output) {
    Vec x0 = a.x0_from_xt * xt + a.x0_from_output * output;
    // min and max return their second argument where it is NaN, so that a NaN shows and does not end as the bound.
    return max(broadcast(-a.clip), min(broadcast(a.clip), x0));
  };
  for_chunks(a.count, [&](int64_t begin, int64_t end) {
    // x0 first: out may be xt.
    if (a.x0 != nullptr) map_range(begin, end, a.x0, predict, a.xt, a.output);
    auto mean = [&](Vec xt, Vec output) {
      return a.from_x0 * predict(xt, output) + a.from_xt * xt + a.from_output * output;
    };
    if (a.noise != nullptr)
      map_range(
          begin, end, a.out, [&](Vec xt, Vec output, Vec z) { return mean(xt, output) + a.from_noise * z; }, a.xt,
          a.output, a.noise);
    else
      map_range(begin, end, a.out, mean, a.xt, a.output);
  });
  return DDPM_OK;
}

ddpm_status linear_combination(const LinearCombinationArgs& a) {
  for_chunks(a.count, [&](int64_t begin, int64_t end) {
    // Every element is read before it is written, so out may be any of x.
    auto sum = [&](auto read) {
      Vec value = a.weights[0] * read(a.x[0]);
      for (int k = 1; k < a.terms; ++k) value += a.weights[k] * read(a.x[k]);
      return value;
    };
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) store(a.out + i, sum([i](const float* x) { return load(x + i); }));
    if (i < end) store_first(a.out + i, sum([=](const float* x) { return load_first(x + i, end - i); }), end - i);
  });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
