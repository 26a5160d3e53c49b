// The arithmetic of the CUDA kernels, as host code: the same bits as the CPU kernels'.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/kernels/optimal.h"
#include "cpu/kernels/optimal_bins.h"
#include "cuda/optimal_arithmetic.h"
#include "harness.h"

using namespace ddpm::test;
namespace cpu = ddpm::cpu::DDPM_ISA;
namespace cuda = ddpm::cuda;

namespace {

const double kVariances[] = {1e-4, 0.01, 0.3, 0.9, 0.99996};

ddpm::ByteImages image_of(int64_t pixels) {
  ddpm::ByteImages data{};
  data.images = data.height = data.channels = 1;
  data.width = pixels;
  return data;
}

/** A query and its digits [digit][pixel]. */
cuda::Query split(const float* xt, int64_t pixels, double largest_norm, double signal, double variance,
                  std::vector<int32_t>* digits) {
  float largest = 0;
  for (int64_t p = 0; p < pixels; ++p)
    largest = std::isnan(xt[p]) || std::abs(xt[p]) > largest ? std::abs(xt[p]) : largest;
  bool finite = largest <= cuda::kLargestFinite;
  cuda::Units units = cuda::units_of(finite ? largest : 0);
  double sums[cuda::kDigits] = {};
  digits->assign(static_cast<size_t>(cuda::kDigits * pixels), 0);
  for (int64_t p = 0; p < pixels && finite; ++p) {
    int32_t pixel[cuda::kDigits];
    double squares[cuda::kDigits];
    cuda::split_pixel(units, xt[p], pixel, squares);
    for (int d = 0; d < cuda::kDigits; ++d) {
      (*digits)[static_cast<size_t>(d * pixels + p)] = pixel[d];
      sums[d] += squares[d];
    }
  }
  return cuda::query_of(largest, units, sums, pixels, largest_norm, signal, variance);
}

bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

}  // namespace

TEST(queries_are_split_alike) {
  for (int i = 0; i < 200; ++i) {
    int64_t pixels = pick(random, 1, 300);
    ddpm::ByteImages data = image_of(pixels);
    const float scales[] = {0, 1e-40f, 1e-20f, 1e-3f, 1, 10, 1e3f, 1e6f, 1e30f};
    auto xt = normal(random, pixels, scales[i % 9]);
    if (i % 20 == 4) xt[static_cast<size_t>(pick(random, 0, pixels - 1))] = i % 40 == 4 ? NAN : -INFINITY;
    double variance = kVariances[i % 5], signal = std::sqrt(1 - variance),
           norm = 0.01 * static_cast<double>(pick(random, 0, 5000));
    std::vector<int16_t> expected(static_cast<size_t>(cuda::kDigits * data.row_bytes()));
    cpu::Query query = cpu::split_query(xt.data(), data, norm, signal, variance, expected.data());
    std::vector<int32_t> digits;
    cuda::Query got = split(xt.data(), pixels, norm, signal, variance, &digits);
    CHECK(got.digits == query.digits);
    if (query.digits == 0) continue;
    CHECK(same(got.doubt, query.doubt[0]) && same(got.refined_places, query.refined_places));
    for (int d = 0; d < cuda::kDigits; ++d) {
      CHECK(same(got.factor[d], query.factor[d]));
      for (int64_t p = 0; p < pixels; ++p) {
        int32_t digit = digits[static_cast<size_t>(d * pixels + p)];
        CHECK(digit == expected[static_cast<size_t>(d * data.row_bytes() + p)]);
        CHECK(digit == cuda::upper_byte(digit) * 256 + cuda::lower_byte(digit));
      }
    }
  }
}

TEST(weights_are_alike) {
  for (int i = 0; i < 400; ++i) {
    int64_t count = pick(random, 1, cuda::kChunk), total = 0, high = 0, low = 0;
    double centre = static_cast<double>(pick(random, -2000, 2000)),
           spread = std::ldexp(1, static_cast<int>(pick(random, -8, 8)));
    std::vector<double> lambda;
    for (float x : normal(random, count)) lambda.push_back(centre + spread * x);
    if (i % 7 == 0) lambda[0] = std::floor(lambda[0]);  // a weight of exactly 1/2
    if (i % 5 == 0 && count > 1) lambda.back() = -INFINITY;
    double largest = *std::max_element(lambda.begin(), lambda.end());
    bool may_be_flat = i % 2 == 0;
    cpu::ChunkWeights expected;
    cpu::chunk_weights(lambda.data(), largest, count, may_be_flat, &expected);
    int64_t k = cuda::exponent_of(largest);
    CHECK(k == expected.k);
    for (double l : lambda) total += cuda::weight_of(l, static_cast<double>(k));
    bool flat = may_be_flat && cuda::is_flat(total, count);
    CHECK(flat == expected.flat);
    for (int64_t n = 0; n < count; ++n) {
      int32_t weight = cuda::weight_of(lambda[static_cast<size_t>(n)], static_cast<double>(k));
      if (flat) weight = cuda::flat_weight(weight);
      CHECK(weight >= 0 && weight < 1 << 30);
      CHECK(cuda::upper_digit(weight) == (expected.high[n / 2] >> n % 2 * 16 & 32767));
      CHECK(cuda::lower_digit(weight) == (expected.low[n / 2] >> n % 2 * 16 & 32767));
      high += cuda::upper_digit(weight);
      low += cuda::lower_digit(weight);
    }
    CHECK(high == expected.high_sum && low == expected.low_sum);
  }
}

TEST(bins_are_alike) {
  for (int i = 0; i < 2000; ++i) {
    int64_t k = i < 100 ? i - 50 : pick(random, -1000000000000000, 1000000000000000);
    int64_t bin = cuda::bin_of(k);
    int shift = cuda::shift_of(k);
    CHECK(bin == cpu::bin_of(k));
    CHECK(shift >= 0 && shift < cuda::kBinBits && cuda::kBinBits * bin + shift + cuda::kBinBits == k);
    int64_t partial[DDPM_OPTIMAL_HEADER + cuda::kBins] = {};
    cpu::Bins bins(partial, 1);
    bins.clear(cuda::kNoBin);
    CHECK(cuda::is_kept(bin, cuda::kNoBin) && bins.keeps(bin));
    bins.raise(bin);
    for (int64_t other = bin - 6; other < bin + 6; ++other) CHECK(cuda::is_kept(other, bin) == bins.keeps(other));
  }
  CHECK(!cuda::can_matter(-INFINITY, cuda::kNoBin) && !cuda::can_matter(-1.1e15, cuda::kNoBin));
  CHECK(cuda::can_matter(-1e15, cuda::kNoBin));
}

/** The kernels' three steps as plain loops, against the CPU kernels' partial results. */
TEST(the_steps_give_the_partial_results_of_the_cpu) {
  for (int trial = 0; trial < 30; ++trial) {
    int64_t images = trial % 6 == 5 ? 4200 : pick(random, 1, 400), pixels = pick(random, 1, 40),
            size = cuda::kHeader + cuda::kBins * pixels;
    double variance = kVariances[trial % 5], signal = std::sqrt(1 - variance),
           norms = cuda::norm_factor(signal, variance), longest = 0;
    std::vector<uint8_t> bytes(static_cast<size_t>(images * pixels));
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(pick(random, 0, 255));
    auto y = [&](int64_t i, int64_t p) {
      return static_cast<int64_t>(bytes[static_cast<size_t>(i * pixels + p)]) - 128;
    };
    std::vector<int64_t> norm(static_cast<size_t>(images));
    for (int64_t i = 0; i < images; ++i) {
      for (int64_t p = 0; p < pixels; ++p) norm[static_cast<size_t>(i)] += (2 * y(i, p) + 1) * (2 * y(i, p) + 1);
      longest = std::max(longest, std::sqrt(static_cast<double>(norm[static_cast<size_t>(i)])) / 255);
    }
    auto xt = normal(random, pixels, static_cast<float>(std::sqrt(variance)));
    for (int64_t p = 0; p < pixels; ++p)
      xt[static_cast<size_t>(p)] += static_cast<float>(signal * (static_cast<double>(y(0, p)) + 0.5) / 127.5);

    std::vector<int32_t> digits, chunks = {0};
    cuda::Query query = split(xt.data(), pixels, longest, signal, variance, &digits);
    std::vector<std::vector<int32_t>> weights;
    std::vector<int64_t> exponents, got(static_cast<size_t>(size));
    got[0] = cuda::kNoBin;
    while (chunks.back() < images) {
      int64_t first = chunks.back(), count = std::min<int64_t>(images - first, pick(random, 1, cuda::kChunk)),
              wanted = 0, total = 0;
      chunks.push_back(static_cast<int32_t>(first + count));
      std::vector<double> lambda;
      auto product = [&](int d, int64_t i) {
        int64_t sum = 0;
        for (int64_t p = 0; p < pixels; ++p) sum += digits[static_cast<size_t>(d * pixels + p)] * y(first + i, p);
        return query.factor[d] * static_cast<double>(sum);
      };
      for (int64_t i = 0; i < count; ++i)
        lambda.push_back(product(0, i) - norms * static_cast<double>(norm[static_cast<size_t>(first + i)]));
      double least = *std::max_element(lambda.begin(), lambda.end()) - query.refined_places - 2 * query.doubt;
      for (double l : lambda) wanted += l >= least;
      for (int64_t i = 0; i < count; ++i) {
        double& l = lambda[static_cast<size_t>(i)];
        bool refined = l >= least || 2 * wanted > count;
        for (int d = 1; d < query.digits && refined; ++d) l += product(d, i);
      }
      int64_t k = cuda::exponent_of(*std::max_element(lambda.begin(), lambda.end()));
      std::vector<int32_t> chunk;
      for (double l : lambda) total += chunk.emplace_back(cuda::weight_of(l, static_cast<double>(k)));
      if (query.digits == 1 && images >= cuda::kManyImages && cuda::is_flat(total, count))
        for (int32_t& w : chunk) w = cuda::flat_weight(w);
      exponents.push_back(k);
      weights.push_back(chunk);
      got[0] = std::max(got[0], cuda::bin_of(k));
    }
    for (size_t c = 0; c < weights.size(); ++c) {
      int64_t slot = got[0] - cuda::bin_of(exponents[c]), factor = int64_t{1} << cuda::shift_of(exponents[c]);
      for (size_t i = 0; i < weights[c].size(); ++i) {
        const int32_t pair[] = {cuda::upper_digit(weights[c][i]), cuda::lower_digit(weights[c][i])};
        for (int64_t s = slot; s < slot + 2 && s < cuda::kBins; ++s) {
          int64_t w = pair[s - slot] * factor;
          got[static_cast<size_t>(1 + s)] += w;
          for (int64_t p = 0; p < pixels; ++p)
            got[static_cast<size_t>(cuda::kHeader + s * pixels + p)] += w * y(chunks[c] + static_cast<int64_t>(i), p);
        }
      }
    }

    ddpm_mem data = 0;
    OK(ddpm_block_allocate(0, ddpm_optimal_bytes(images, 1, static_cast<int32_t>(pixels), 1), &data));
    OK(ddpm_optimal_load(data, images, 1, static_cast<int32_t>(pixels), 1, bytes.data(), 0, images));
    Array in(xt);
    std::vector<int64_t> expected(static_cast<size_t>(size));
    int32_t count = static_cast<int32_t>(chunks.size()) - 1;
    OK(ddpm_optimal_partial(data, images, 1, static_cast<int32_t>(pixels), 1, chunks.data(), count, 0, count, in, 1,
                            signal, variance, 0, expected.data(), nullptr));
    ddpm_block_free(data);
    CHECK(got == expected);
  }
}
