#pragma once
#include <algorithm>
#include <vector>

#include "bench.h"

/** Every op over its file of benchmarks/shapes: checked against the tests' reference, then measured. */
namespace ddpm::bench {

void bench_convolution(Bench& bench);
void bench_linear(Bench& bench);
void bench_attention(Bench& bench);
void bench_group_norm(Bench& bench);
void bench_optimal(Bench& bench);

inline void bench_all(Bench& bench) {
  bench_convolution(bench);
  bench_linear(bench);
  bench_attention(bench);
  bench_group_norm(bench);
  bench_optimal(bench);
}

/** Of a batch of n, how many images are checked: as make some 2^25 products. */
inline int images_to_check(int n, double products) {
  constexpr double kProducts = 1 << 25;
  return static_cast<int>(std::clamp(kProducts / (products / n), 1.0, static_cast<double>(n)));
}

inline std::vector<double> doubles(const Floats& values) { return {values.begin(), values.end()}; }

}  // namespace ddpm::bench
