// The optimal denoiser against its formulas in double precision, and the promise of equal bits.
#include "reference/optimal.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "harness.h"

using namespace ddpm::test;

namespace {

/** A data set in native memory, and in host memory for the reference. */
class DataSet {
 public:
  DataSet(Random& random, int64_t images, int32_t height, int32_t width, int32_t channels,
          std::vector<int32_t> chunk_sizes = {})
      : images(images), height(height), width(width), channels(channels), pixels(int64_t{height} * width * channels) {
    bytes.resize(static_cast<size_t>(images * pixels));
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(pick(random, 0, 255));
    chunks = {0};
    for (int32_t size : chunk_sizes) chunks.push_back(chunks.back() + size);
    while (chunks.back() < images)
      chunks.push_back(static_cast<int32_t>(std::min<int64_t>(images, chunks.back() + DDPM_OPTIMAL_CHUNK)));
    OK(ddpm_block_allocate(device(), ddpm_optimal_bytes(images, height, width, channels), &data));
    load();
  }
  /** Images of one row of one channel. */
  DataSet(Random& random, int64_t images, int64_t pixels, std::vector<int32_t> chunk_sizes = {})
      : DataSet(random, images, 1, static_cast<int32_t>(pixels), 1, std::move(chunk_sizes)) {}
  ~DataSet() { ddpm_block_free(data); }
  void load() { OK(ddpm_optimal_load(data, images, height, width, channels, bytes.data(), 0, images)); }
  int32_t chunk_count() const { return static_cast<int32_t>(chunks.size()) - 1; }

  /** Noised images of the set. */
  std::vector<float> noised(Random& random, int64_t queries, double signal, double variance) const {
    auto xt = normal(random, queries * pixels, static_cast<float>(std::sqrt(variance)));
    for (int64_t q = 0; q < queries; ++q) {
      int64_t i = pick(random, 0, images - 1);
      for (int64_t p = 0; p < pixels; ++p)
        xt[static_cast<size_t>(q * pixels + p)] +=
            static_cast<float>(signal * (bytes[static_cast<size_t>(i * pixels + p)] / 127.5 - 1));
    }
    return xt;
  }

  int64_t images;
  int32_t height, width, channels;
  int64_t pixels;
  std::vector<uint8_t> bytes;
  std::vector<int32_t> chunks;
  ddpm_mem data = 0;
};

struct Result {
  std::vector<float> x0, eps;
  std::vector<double> log_sums;
  int64_t report[DDPM_OPTIMAL_REPORT];
};

Result denoise(const DataSet& d, const std::vector<float>& xt, double signal, double variance, int32_t first = 0,
               int32_t last = -1, bool prune = true) {
  int64_t queries = static_cast<int64_t>(xt.size()) / d.pixels;
  Array in(xt), x0(queries * d.pixels), eps(queries * d.pixels);
  Result r{{}, {}, std::vector<double>(static_cast<size_t>(queries)), {}};
  OK(ddpm_optimal_denoise(d.data, d.images, d.height, d.width, d.channels, d.chunks.data(), d.chunk_count(), first,
                          last < 0 ? d.chunk_count() : last, in, static_cast<int32_t>(queries), signal, variance, prune,
                          x0, eps, r.log_sums.data(), r.report));
  r.x0 = x0.get();
  r.eps = eps.get();
  return r;
}

void check_bits(const Result& got, const Result& expected) {
  check_same(got.x0, expected.x0, "x0");
  check_same(got.eps, expected.eps, "eps");
  CHECK(got.log_sums.size() == expected.log_sums.size());
  CHECK(std::memcmp(got.log_sums.data(), expected.log_sums.data(), got.log_sums.size() * sizeof(double)) == 0);
}

/**
 * Checks against the reference, over images first to first + count - 1. A weight may be off by a factor 2^(1/512)
 * (digits left out; 2^(1/64) in a large set) and by 2^-30 of the largest, or 2^-16 of it in a large set (weights'
 * digits); x0 follows within the spread of the pixel. The rest is the rounding of the outputs.
 */
void check_against_reference(const DataSet& d, const std::vector<float>& xt, const Result& got, double signal,
                             double variance, int64_t first, int64_t count) {
  for (size_t q = 0; q < got.log_sums.size(); ++q) {
    auto truth =
        optimal_reference(d.bytes, first, count, d.pixels, &xt[q * static_cast<size_t>(d.pixels)], signal, variance);
    bool large = d.images >= 4096;
    double relative = 2 * std::log(2) / (large ? 64 : 512) + 4e-16 * std::abs(truth.log_sum);
    // A chunk whose weights are cut to 15 places has three times its largest weight at least.
    if (large) relative += 2 * DDPM_OPTIMAL_CHUNK * std::ldexp(1, -16) / 3;
    double absolute = 2 * static_cast<double>(count) * std::ldexp(1, -30);
    for (size_t p = 0; p < static_cast<size_t>(d.pixels); ++p) {
      size_t at = q * static_cast<size_t>(d.pixels) + p;
      double bound = relative * truth.spread[p] + absolute, x0 = std::ldexp(std::abs(truth.x0[p]), -24);
      if (!(std::abs(got.x0[at] - truth.x0[p]) <= bound + x0))
        fail_test("x0 is %.9g, expected %.9g within %.3g", got.x0[at], truth.x0[p], bound + x0);
      bound = bound * signal / std::sqrt(variance) + std::ldexp(std::abs(truth.eps[p]), -23);
      if (!(std::abs(got.eps[at] - truth.eps[p]) <= bound))
        fail_test("eps is %.9g, expected %.9g within %.3g", got.eps[at], truth.eps[p], bound);
    }
    CHECK(std::abs(got.log_sums[q] - truth.log_sum) <= relative + absolute + 1e-12 * (1 + std::abs(truth.log_sum)));
  }
}

const double kVariances[] = {1e-4, 0.01, 0.3, 0.9, 0.99996};

}  // namespace

TEST(follows_its_formulas) {
  for (int i = 0; i < 40; ++i) {
    DataSet d(random, pick(random, 1, 400), pick(random, 1, 200));
    double variance = kVariances[i % 5], signal = std::sqrt(1 - variance);
    auto xt = d.noised(random, pick(random, 1, 9), signal, variance);
    check_against_reference(d, xt, denoise(d, xt, signal, variance), signal, variance, 0, d.images);
  }
}

TEST(takes_images_of_more_pixels_than_a_pass_and_any_number_of_queries) {
  for (int64_t pixels : {63, 64, 65, 1536, 3072, 5000}) {
    DataSet d(random, 130, pixels);
    for (int64_t queries : {1, 2, 3, 5, 67}) {
      auto xt = d.noised(random, queries, 0.2, 0.96);
      xt.resize(static_cast<size_t>(queries * pixels));
      Result all = denoise(d, xt, 0.2, 0.96);
      int64_t q = pick(random, 0, queries - 1);
      std::vector<float> one(xt.begin() + q * pixels, xt.begin() + (q + 1) * pixels);
      Result alone = denoise(d, one, 0.2, 0.96);
      check_against_reference(d, one, alone, 0.2, 0.96, 0, d.images);
      check_same(alone.x0, {all.x0.begin() + q * pixels, all.x0.begin() + (q + 1) * pixels}, "x0 of a query alone");
      CHECK(alone.log_sums[0] == all.log_sums[static_cast<size_t>(q)]);
    }
  }
}

TEST(is_right_far_outside_the_data) {
  DataSet d(random, 300, 48);
  for (double variance : kVariances)
    for (float scale : {0.0f, 1e-40f, 1e-20f, 10.0f, 1e3f, 1e6f}) {
      auto xt = normal(random, 2 * d.pixels, scale);
      double signal = std::sqrt(1 - variance);
      Result got = denoise(d, xt, signal, variance);
      // The reference squares differences of double precision: beside 1e12 they say nothing of the weights.
      if (scale <= 1e3f) check_against_reference(d, xt, got, signal, variance, 0, d.images);
      for (float x : got.x0) CHECK(std::abs(x) <= 1);
    }
}

TEST(queries_that_are_not_finite_give_nan_and_leave_the_others_alone) {
  DataSet d(random, 100, 40);
  auto xt = d.noised(random, 4, 0.9, 0.19);
  Result good = denoise(d, xt, 0.9, 0.19);
  xt[40 + 7] = NAN, xt[80 + 39] = -INFINITY, xt[120] = 1e30f;
  Result got = denoise(d, xt, 0.9, 0.19);
  for (size_t p = 0; p < 40; ++p) {
    CHECK(got.x0[p] == good.x0[p] && got.eps[p] == good.eps[p]);
    for (size_t q = 1; q < 4; ++q) CHECK(std::isnan(got.x0[40 * q + p]) && std::isnan(got.eps[40 * q + p]));
  }
  CHECK(got.log_sums[0] == good.log_sums[0] && std::isnan(got.log_sums[1]));
}

TEST(equal_images_share_the_weight) {
  DataSet d(random, 250, 30);
  for (int64_t i : {3, 100, 249}) std::copy_n(d.bytes.begin(), 30, d.bytes.begin() + i * 30);
  d.load();
  // At the smallest variance only the four copies have a weight: a quarter each, and x0 is the image itself.
  std::vector<float> xt(30);
  for (size_t p = 0; p < 30; ++p) xt[p] = static_cast<float>(0.99995 * (d.bytes[p] / 127.5 - 1));
  Result got = denoise(d, xt, 0.99995, 1e-4);
  for (size_t p = 0; p < 30; ++p) CHECK(got.x0[p] == static_cast<float>((d.bytes[p] - 127.5) / 127.5));
  double one = optimal_reference(d.bytes, 0, 1, 30, xt.data(), 0.99995, 1e-4).log_sum;
  CHECK(std::abs(got.log_sums[0] - (one + std::log(4))) <= std::log(2) / 512);
  CHECK(got.report[3] == 4);
}

TEST(has_the_same_bits_on_every_instruction_set_and_with_any_number_of_threads) {
  static std::map<int, Result> first;
  int threads = ddpm_threads();
  Random fixed(5);
  DataSet small(fixed, 777, 100), large(fixed, 5000, 37);
  for (int i = 0; i < 10; ++i) {
    const DataSet& d = i < 5 ? small : large;
    double variance = kVariances[i % 5], signal = std::sqrt(1 - variance);
    auto xt = d.noised(fixed, 7, signal, variance);
    for (int t : {1, 2, 3}) {
      OK(ddpm_set_threads(t));
      Result got = denoise(d, xt, signal, variance);
      if (first.count(i) == 0) first[i] = got;
      check_bits(got, first[i]);
    }
    check_against_reference(d, xt, first[i], signal, variance, 0, d.images);
  }
  OK(ddpm_set_threads(threads));
}

TEST(ranges_of_chunks_are_data_sets_of_their_own) {
  DataSet d(random, 200, 50, {1, 64, 34, 40, 61});
  auto xt = d.noised(random, 3, 0.3, 0.91);
  for (int32_t first = 0; first < 5; ++first)
    for (int32_t last = first + 1; last <= 5; ++last) {
      Result got = denoise(d, xt, 0.3, 0.91, first, last);
      int32_t row = d.chunks[static_cast<size_t>(first)];
      check_against_reference(d, xt, got, 0.3, 0.91, row, d.chunks[static_cast<size_t>(last)] - row);
      CHECK(got.report[0] == 3 * (d.chunks[static_cast<size_t>(last)] - row));
    }
  Result empty = denoise(d, xt, 0.3, 0.91, 2, 2);
  CHECK(std::isnan(empty.x0[0]) && empty.log_sums[0] == -INFINITY);
}

TEST(bounds_change_no_bit_and_save_work) {
  for (int i = 0; i < 30; ++i) {
    // Smooth images, as bounds are made for: a random colour and a little noise, some of them equal.
    DataSet d(random, i % 5 == 0 ? 4500 : pick(random, 1, 1200), static_cast<int32_t>(pick(random, 1, 11)),
              static_cast<int32_t>(pick(random, 1, 11)), static_cast<int32_t>(pick(random, 1, 3)));
    int noise = 1 << pick(random, 0, 7);
    for (int64_t n = 0; n < d.images; ++n) {
      int64_t colour = pick(random, 0, 255);
      for (int64_t p = 0; p < d.pixels; ++p)
        d.bytes[static_cast<size_t>(n * d.pixels + p)] =
            static_cast<uint8_t>(std::clamp<int64_t>(colour + pick(random, -noise, noise), 0, 255));
    }
    if (d.images > 3) std::copy_n(d.bytes.begin(), d.pixels, d.bytes.end() - d.pixels);
    d.load();
    for (double variance : {1e-4, 1e-3, 0.02, 0.1, 0.3, 0.9}) {
      double signal = std::sqrt(1 - variance);
      for (float scale : {1.0f, 20.0f}) {
        auto xt = d.noised(random, pick(random, 1, 9), signal, variance);
        for (float& x : xt) x *= scale;
        Result bounded = denoise(d, xt, signal, variance), all = denoise(d, xt, signal, variance, 0, -1, false);
        check_bits(bounded, all);
        CHECK(bounded.report[0] == all.report[0] && bounded.report[1] <= all.report[1]);
        CHECK(all.report[1] == all.report[0]);
        if (scale == 1 && d.images > 500 && d.pixels > 50 && noise <= 4 && variance < 2e-2)
          CHECK(2 * bounded.report[1] < all.report[1]);
      }
    }
  }
}

TEST(digits_of_bytes_rule_out_what_block_means_leave_open) {
  // Images without any smoothness, so that block means say next to nothing, and pixels that are no whole vectors.
  for (int32_t width : {31, 32}) {
    DataSet d(random, 700, 24, width, 3);
    for (double variance : {0.5, 0.6, 0.9}) {
      double signal = std::sqrt(1 - variance);
      for (float scale : {1.0f, 30.0f}) {
        auto xt = d.noised(random, 5, signal, variance);
        for (float& x : xt) x *= scale;
        // Beyond the largest digit.
        if (scale > 1)
          for (size_t p = 0; p < xt.size(); p += 7) xt[p] *= 9;
        Result bounded = denoise(d, xt, signal, variance), all = denoise(d, xt, signal, variance, 0, -1, false);
        check_bits(bounded, all);
        CHECK(bounded.report[1] + bounded.report[4] <= bounded.report[0] && all.report[4] == 0);
        // What comes before a query's own image is hardly ruled out: all are about as far from it.
        if (scale == 1 && variance < 0.7) CHECK(10 * bounded.report[4] > bounded.report[0]);
      }
    }
  }
}

TEST(log_kernels_are_accurate_in_full) {
  for (double variance : kVariances) {
    DataSet d(random, 150, 75);
    double signal = std::sqrt(1 - variance);
    auto xt = d.noised(random, 3, signal, variance);
    Array in(xt);
    std::vector<double> got(3 * 150);
    OK(ddpm_optimal_log_kernels(d.data, d.images, d.height, d.width, d.channels, in, 3, signal, variance, got.data()));
    for (size_t q = 0; q < 3; ++q) {
      auto truth = optimal_reference(d.bytes, 0, d.images, d.pixels, &xt[q * 75], signal, variance);
      // Terms of up to 75 (|x_t| + 1)^2 / variance cancel, each known to some roundings of a double.
      double bound = 1e-15 * 75 * 25 / variance;
      for (size_t i = 0; i < 150; ++i)
        if (!(std::abs(got[q * 150 + i] - truth.log_kernels[i]) <= bound))
          fail_test("log kernel is %.17g, expected %.17g", got[q * 150 + i], truth.log_kernels[i]);
    }
  }
}

TEST(partial_results_finish_as_the_whole) {
  DataSet d(random, 500, 33);
  auto xt = d.noised(random, 2, 0.5, 0.75);
  Result whole = denoise(d, xt, 0.5, 0.75);
  Array in(xt), x0(66), eps(66);
  std::vector<int64_t> partial(static_cast<size_t>(2 * ddpm_optimal_partial_size(33)));
  std::vector<double> log_sums(2);
  OK(ddpm_optimal_partial(d.data, d.images, d.height, d.width, d.channels, d.chunks.data(), d.chunk_count(), 0,
                          d.chunk_count(), in, 2, 0.5, 0.75, 1, partial.data(), nullptr));
  OK(ddpm_optimal_finish(partial.data(), 33, in, 2, 0.5, 0.75, x0, eps, log_sums.data()));
  check_bits({x0.get(), eps.get(), log_sums, {}}, whole);
  OK(ddpm_optimal_finish(partial.data(), 33, 0, 2, 0.5, 0.75, x0, 0, nullptr));
  check_same(x0.get(), whole.x0, "x0");
}

TEST(bad_arguments_are_refused) {
  DataSet d(random, 100, 20);
  Array xt(20), x0(20);
  auto call = [&](int64_t images, int32_t pixels, std::vector<int32_t> chunks, int32_t first, int32_t last,
                  double variance) {
    return ddpm_optimal_denoise(d.data, images, 1, pixels, 1, chunks.data(), static_cast<int32_t>(chunks.size()) - 1,
                                first, last, xt, 1, 0.5, variance, 1, x0, 0, nullptr, nullptr);
  };
  OK(ddpm_fill(xt, 20, 0));
  OK(call(100, 20, {0, 64, 100}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "data needs", call(101, 20, {0, 64, 100}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "data needs", call(100, 65, {0, 64, 100}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "an image has a dimension of 0", call(100, 0, {0, 64, 100}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "chunk 0 is rows 0 to 65", call(100, 20, {0, 65, 100}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "chunk 1 is rows 64 to 101", call(100, 20, {0, 64, 101}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "chunk 1 is rows 5 to 5", call(100, 20, {0, 5, 5}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "chunk 0 is rows -1", call(100, 20, {-1, 5, 9}, 0, 2, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "last_chunk is 3", call(100, 20, {0, 64, 100}, 0, 3, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "last_chunk is 0", call(100, 20, {0, 64, 100}, 1, 0, 0.75));
  FAILS(DDPM_INVALID_ARGUMENT, "variance is 0", call(100, 20, {0, 64, 100}, 0, 2, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "first is 100", ddpm_optimal_load(d.data, 100, 1, 20, 1, d.bytes.data(), 100, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "count is 2", ddpm_optimal_load(d.data, 100, 1, 20, 1, d.bytes.data(), 99, 2));
  FAILS(DDPM_INVALID_ARGUMENT, "host must not be null", ddpm_optimal_load(d.data, 100, 1, 20, 1, nullptr, 0, 1));
}
