#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

/** The optimal denoiser in double precision, straight from its formulas: no expansion of the square. */
namespace ddpm::test {

struct OptimalReference {
  std::vector<double> log_kernels, weights, x0, eps, spread;  // spread: sum_i w_i |x_i - x0| of each pixel
  double log_sum;
};

inline OptimalReference optimal_reference(const std::vector<uint8_t>& images, int64_t first, int64_t count,
                                          int64_t pixels, const float* xt, double signal, double variance) {
  OptimalReference r;
  auto x = [&](int64_t i, int64_t p) { return images[static_cast<size_t>((first + i) * pixels + p)] / 127.5 - 1; };
  double largest = -INFINITY, total = 0;
  for (int64_t i = 0; i < count; ++i) {
    double square = 0;
    for (int64_t p = 0; p < pixels; ++p) square += (xt[p] - signal * x(i, p)) * (xt[p] - signal * x(i, p));
    r.log_kernels.push_back(-square / (2 * variance));
    largest = std::fmax(largest, r.log_kernels.back());
  }
  for (double l : r.log_kernels) r.weights.push_back(std::exp(l - largest)), total += r.weights.back();
  for (double& w : r.weights) w /= total;
  r.log_sum = largest + std::log(total);
  for (int64_t p = 0; p < pixels; ++p) {
    double x0 = 0, spread = 0;
    for (int64_t i = 0; i < count; ++i) x0 += r.weights[static_cast<size_t>(i)] * x(i, p);
    for (int64_t i = 0; i < count; ++i) spread += r.weights[static_cast<size_t>(i)] * std::abs(x(i, p) - x0);
    r.x0.push_back(x0);
    r.eps.push_back((xt[p] - signal * x0) / std::sqrt(variance));
    r.spread.push_back(spread);
  }
  return r;
}

}  // namespace ddpm::test
