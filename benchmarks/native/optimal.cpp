// The optimal denoiser, with so much noise that every image has a weight.
#include "reference/optimal.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops.h"

namespace ddpm::bench {
namespace {

constexpr double kVariance = 0.9999;
constexpr int kImagesToCheck = 256, kQueriesToCheck = 4;

struct Optimal {
  Optimal(int images, int height, int width, int channels, int queries)
      : images(images),
        height(height),
        width(width),
        channels(channels),
        queries(queries),
        pixels(size_t(height) * width * channels),
        bytes(images * pixels),
        xt(random_floats(queries * pixels)),
        xt_in(xt),
        data(size_t(ddpm_optimal_bytes(images, height, width, channels) / 4)),
        x0(queries * pixels) {
    // The upper bits of a product: any that differ will do.
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
    for (int i = 0; i <= images; i += DDPM_OPTIMAL_CHUNK) chunks.push_back(i);
    if (chunks.back() < images) chunks.push_back(images);
    ok(ddpm_optimal_load(data, images, height, width, channels, bytes.data(), 0, images));
  }

  void denoise() const {
    int32_t count = static_cast<int32_t>(chunks.size()) - 1;
    ok(ddpm_optimal_denoise(data, images, height, width, channels, chunks.data(), count, 0, count, xt_in, queries,
                            signal, kVariance, 1, x0, 0, nullptr, nullptr));
  }

  /** Within the bounds of optimal_test.cpp: weights' digits, and the rounding of the output. */
  void check() const {
    Floats got = x0.get();
    for (int q = 0; q < queries; ++q) {
      auto truth =
          test::optimal_reference(bytes, 0, images, static_cast<int64_t>(pixels), &xt[q * pixels], signal, kVariance);
      double relative = 2 * std::log(2) / 512 + 4e-16 * std::abs(truth.log_sum);
      for (size_t p = 0; p < pixels; ++p) {
        double bound =
            relative * truth.spread[p] + 2 * images * std::ldexp(1, -30) + std::ldexp(std::abs(truth.x0[p]), -24);
        if (!(std::abs(got[q * pixels + p] - truth.x0[p]) <= bound))
          stop("optimal is wrong by " + std::to_string(std::abs(got[q * pixels + p] - truth.x0[p])));
      }
    }
  }

  int images, height, width, channels, queries;
  size_t pixels;
  std::vector<uint8_t> bytes;
  std::vector<int32_t> chunks;
  Floats xt;
  Buffer xt_in, data, x0;
  double signal = std::sqrt(1 - kVariance);
};

}  // namespace

void bench_optimal(Bench& bench) {
  for_shapes(bench.options(), "optimal.txt", 5, [&](const std::string& name, const std::vector<int>& v) {
    if (!bench.wants("optimal", name)) return;
    if (bench.checks()) {
      Optimal part(std::min(v[0], kImagesToCheck), v[1], v[2], v[3], std::min(v[4], kQueriesToCheck));
      part.denoise();
      part.check();
    }
    Optimal all(v[0], v[1], v[2], v[3], v[4]);
    // Distances and sums, a multiply-add each; the data set, a byte a pixel, and the queries.
    double products = 2.0 * static_cast<double>(all.bytes.size()) * v[4];
    double bytes = static_cast<double>(all.bytes.size() + 8 * all.xt.size());
    bench.measure("optimal", name, {2 * products, bytes}, [&] { all.denoise(); });
  });
}

}  // namespace ddpm::bench
