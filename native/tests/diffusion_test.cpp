// Noise, forward process and reverse step.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "harness.h"

using namespace ddpm::test;

namespace {

constexpr uint64_t kHash = 0xf161493734e747c8;

/** Philox4x32-10 written out from the paper, one counter at a time. */
void philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t{0xD2511F53} * c[0], p1 = uint64_t{0xCD9E8D57} * c[2];
    uint32_t next[4] = {uint32_t(p1 >> 32) ^ c[1] ^ k0, uint32_t(p1), uint32_t(p0 >> 32) ^ c[3] ^ k1, uint32_t(p0)};
    std::copy(next, next + 4, c);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
}

/** The normals of one image in double precision. */
std::vector<double> normals(int64_t count, int64_t seed, int64_t image, int draw) {
  std::vector<double> out;
  for (uint32_t block = 0; static_cast<int64_t>(out.size()) < count; ++block) {
    uint32_t c[4] = {block, uint32_t(draw), uint32_t(image), uint32_t(image >> 32)};
    philox(c, uint32_t(seed), uint32_t(seed >> 32));
    for (int pair = 0; pair < 4; pair += 2) {
      double radius = std::sqrt(-2 * std::log((c[pair] + 0.5) / 4294967296.0));
      double angle = 2 * M_PI * (c[pair + 1] / 4294967296.0);
      out.push_back(radius * std::cos(angle));
      out.push_back(radius * std::sin(angle));
    }
  }
  out.resize(static_cast<size_t>(count));
  return out;
}

std::vector<float> randn(int images, int64_t per_image, int64_t seed, int64_t first_image, int draw) {
  Array out(images * per_image);
  OK(ddpm_randn(out, images, per_image, seed, first_image, draw));
  return out.get();
}

}  // namespace

TEST(the_generator_has_the_known_answers_of_random123) {
  struct {
    uint32_t counter[4], key[2], answer[4];
  } known[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
               {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
               {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                {0xa4093822, 0x299f31d0},
                {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
  for (auto& k : known) {
    philox(k.counter, k.key[0], k.key[1]);
    CHECK(std::equal(k.answer, k.answer + 4, k.counter));
  }
}

TEST(randn_follows_its_formula) {
  for (int i = 0; i < 30; ++i) {
    int64_t per_image = pick(random, 1, 3000), seed = static_cast<int64_t>(random());
    int64_t first = pick(random, 0, int64_t{1} << 40);
    int images = static_cast<int>(pick(random, 1, 4)), draw = static_cast<int>(pick(random, 0, 1000));
    auto got = randn(images, per_image, seed, first, draw);
    for (int n = 0; n < images; ++n) {
      auto truth = normals(per_image, seed, first + n, draw);
      // Radii reach 6.8, and logarithm, root, sine and cosine are each good to a few roundings.
      for (int64_t j = 0; j < per_image; ++j)
        if (!(std::abs(got[n * per_image + j] - truth[j]) <= 6.8 * 8 * 1.2e-7))
          fail_test("normal %lld is %.9g, expected %.9g", static_cast<long long>(j), got[n * per_image + j], truth[j]);
    }
  }
}

TEST(randn_is_the_same_on_every_instruction_set) {
  static std::vector<float> first;
  auto got = randn(3, 1000, 42, 7, 5);
  if (first.empty()) first = got;
  check_same(got, first, "randn");
}

TEST(randn_keeps_its_bits_from_one_version_to_the_next) {
  // FNV-1a over the bits of some numbers: a seed that someone wrote down must go on giving the same pictures.
  uint64_t hash = 14695981039346656037u;
  for (float value : randn(2, 5000, 20200620, 3, 1)) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 1099511628211u;
  }
  if (hash != kHash) fail_test("the hash is %#llx", static_cast<unsigned long long>(hash));
}

TEST(randn_reaches_the_tails) {
  // Radii go up to sqrt(2 ln 2^33) = 6.76; of 2^24 numbers some 10 should lie beyond 5, none further out than that. A
  // device, which gives the same bits, computes fewer.
  const int64_t count = device() == 0 ? 1 << 24 : 1 << 20;
  auto x = randn(1, count, 3, 0, 0);
  int64_t beyond_4 = 0, beyond_5 = 0;
  for (float v : x) {
    CHECK(std::abs(v) < 6.77f);
    beyond_4 += std::abs(v) > 4;
    beyond_5 += std::abs(v) > 5;
  }
  double expected_4 = count * std::erfc(4 / std::sqrt(2.0)), expected_5 = count * std::erfc(5 / std::sqrt(2.0));
  CHECK(std::abs(beyond_4 - expected_4) < 5 * std::sqrt(expected_4));
  CHECK(std::abs(beyond_5 - expected_5) < 5 * std::sqrt(expected_5));
}

TEST(randn_of_an_image_does_not_depend_on_its_batch) {
  auto all = randn(5, 333, 9, 100, 2);
  for (int i = 0; i < 5; ++i)
    check_same(randn(1, 333, 9, 100 + i, 2), {all.begin() + i * 333, all.begin() + (i + 1) * 333}, "image");
  int threads = ddpm_threads();
  auto large = randn(3, 20001, 9, 100, 2);
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    check_same(randn(3, 20001, 9, 100, 2), large, "images");
  }
  OK(ddpm_set_threads(threads));
  // A shorter image is the start of a longer one; a stream's number may have 63 bits.
  check_same(randn(1, 333, 9, 100, 2), {large.begin(), large.begin() + 333}, "start");
  CHECK(randn(1, 8, 9, int64_t{1} << 32, 2) != randn(1, 8, 9, 0, 2));
  randn(1, 8, 9, INT64_MAX - 1, 2);
  Array out(16);
  FAILS(DDPM_INVALID_ARGUMENT, "first_image is", ddpm_randn(out, 2, 8, 9, INT64_MAX - 1, 2));
  FAILS(DDPM_INVALID_ARGUMENT, "first_image is -1", ddpm_randn(out, 2, 8, 9, -1, 2));
  FAILS(DDPM_INVALID_ARGUMENT, "draw is -1", ddpm_randn(out, 2, 8, 9, 0, -1));
  CHECK(randn(1, 333, 9, 100, 3) != randn(1, 333, 9, 100, 2));
  CHECK(randn(1, 333, 10, 100, 2) != randn(1, 333, 9, 100, 2));
}

TEST(randn_is_standard_normal) {
  const int64_t count = 1 << 20;
  auto x = randn(1, count, 1, 0, 0);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (double v : x) {
    m1 += v / count;
    m2 += v * v / count;
    m3 += v * v * v / count;
    m4 += v * v * v * v / count;
  }
  // Five standard deviations of each moment's estimate: sqrt(1, 2, 15, 96 / count).
  CHECK(std::abs(m1) < 5 * std::sqrt(1.0 / count));
  CHECK(std::abs(m2 - 1) < 5 * std::sqrt(2.0 / count));
  CHECK(std::abs(m3) < 5 * std::sqrt(15.0 / count));
  CHECK(std::abs(m4 - 3) < 5 * std::sqrt(96.0 / count));
  std::sort(x.begin(), x.end());
  double distance = 0;
  for (int64_t i = 0; i < count; ++i)
    distance = std::max(distance, std::abs(0.5 * std::erfc(-x[i] / std::sqrt(2.0)) - (i + 0.5) / count));
  CHECK(distance < 1.95 / std::sqrt(count));  // Kolmogorov-Smirnov at the level 0.001
}

TEST(dropout_drops_its_share_and_keeps_the_mean) {
  const int64_t count = 100000;
  Array x(std::vector<float>(count, 1.0f)), y(count), again(count);
  OK(ddpm_dropout(x, y, 1, count, 0.3f, 5, 0, 0));
  auto got = y.get();
  int64_t dropped = std::count(got.begin(), got.end(), 0.0f);
  CHECK(std::abs(dropped / double(count) - 0.3) < 5 * std::sqrt(0.21 / count));
  CHECK(std::count(got.begin(), got.end(), 1.0f / 0.7f) + dropped == count);
  OK(ddpm_dropout(x, again, 1, count, 0.3f, 5, 0, 0));
  check_same(again.get(), got, "dropout");
  FAILS(DDPM_INVALID_ARGUMENT, "p is 1", ddpm_dropout(x, y, 1, count, 1, 5, 0, 0));
}

TEST(dropout_follows_the_words_of_its_stream) {
  for (float p : {0.0f, 0.1f, 0.5f, 0.999f}) {
    const int64_t count = 1237, images = 3, seed = -5, first = int64_t{1} << 33;
    auto x = normal(random, images * count);
    Array x_in(x), y(images * count);
    OK(ddpm_dropout(x_in, y, images, count, p, seed, first, 7));
    std::vector<float> expected;
    for (int64_t n = 0; n < images; ++n)
      for (int64_t i = 0; i < count; ++i) {
        uint32_t c[4] = {uint32_t(i / 4), 7, uint32_t(first + n), uint32_t((first + n) >> 32)};
        philox(c, uint32_t(seed), uint32_t(seed >> 32));
        expected.push_back(c[i % 4] < p * 4294967296.0 ? 0.0f : x[n * count + i] * (1 / (1 - p)));
      }
    check_same(y.get(), expected, "dropout");
    OK(ddpm_dropout(x_in, x_in, images, count, p, seed, first, 7));
    check_same(x_in.get(), expected, "dropout in place");
  }
}

TEST(reverse_step_does_not_hide_nan) {
  Array xt({NAN, 5, -5, 0}), output({0, 0, 0, NAN}), out(4), x0(4);
  OK(ddpm_reverse_step(xt, output, 0, out, x0, 4, 1, 1, 1, 1, 0, 0, 0));
  auto predicted = x0.get(), got = out.get();
  CHECK(std::isnan(predicted[0]) && predicted[1] == 1 && predicted[2] == -1 && std::isnan(predicted[3]));
  CHECK(std::isnan(got[0]) && got[1] == 1 && got[2] == -1 && std::isnan(got[3]));
}

TEST(q_sample_and_reverse_step_do_not_depend_on_the_batch_or_the_threads) {
  int threads = ddpm_threads();
  const int64_t images = 3, per_image = 40001, count = images * per_image;
  auto x0 = normal(random, count), noise = normal(random, count), z = normal(random, count);
  std::vector<float> signal = {0.9f, 0.5f, 0.1f}, sigma = {0.3f, 0.8f, 0.99f}, first_xt, first_out;
  Array x0_in(x0), noise_in(noise), z_in(z), signal_in(signal), sigma_in(sigma), xt(count), out(count);
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    OK(ddpm_q_sample(x0_in, noise_in, signal_in, sigma_in, xt, images, per_image));
    OK(ddpm_reverse_step(xt, noise_in, z_in, out, 0, count, 1.3f, -0.7f, 1, 0.4f, 0.6f, 0.1f, 0.2f));
    if (t == 1) first_xt = xt.get(), first_out = out.get();
    check_same(xt.get(), first_xt, "xt");
    check_same(out.get(), first_out, "out");
    for (int64_t n = 0; n < images; ++n) {
      Array one(per_image), one_out(per_image);
      ddpm_mem at = n * per_image * 4;
      OK(ddpm_q_sample(x0_in + at, noise_in + at, signal_in + n * 4, sigma_in + n * 4, one, 1, per_image));
      OK(ddpm_reverse_step(one, noise_in + at, z_in + at, one_out, 0, per_image, 1.3f, -0.7f, 1, 0.4f, 0.6f, 0.1f,
                           0.2f));
      auto image = [&](const std::vector<float>& all) {
        return std::vector<float>(all.begin() + n * per_image, all.begin() + (n + 1) * per_image);
      };
      check_same(one.get(), image(first_xt), "image of xt");
      check_same(one_out.get(), image(first_out), "image of out");
    }
  }
  OK(ddpm_set_threads(threads));
}

TEST(q_sample_and_reverse_step_are_close) {
  for (int i = 0; i < 20; ++i) {
    int64_t images = pick(random, 1, 4), per_image = pick(random, 1, 500), count = images * per_image;
    auto x0 = normal(random, count), noise = normal(random, count);
    auto signal = normal(random, images), sigma = normal(random, images);
    Array x0_in(x0), noise_in(noise), signal_in(signal), sigma_in(sigma), xt(count);
    OK(ddpm_q_sample(x0_in, noise_in, signal_in, sigma_in, xt, static_cast<int>(images), per_image));
    std::vector<double> truth(count);
    std::vector<float> plain(count);
    for (int64_t j = 0; j < count; ++j) {
      truth[j] = double(signal[j / per_image]) * x0[j] + double(sigma[j / per_image]) * noise[j];
      plain[j] = signal[j / per_image] * x0[j] + sigma[j / per_image] * noise[j];
    }
    check_close(xt.get(), truth, plain, "xt");

    const float a = 1.3f, b = -0.7f, clip = i % 2 ? 1.0f : INFINITY, c = 0.4f, d = 0.6f, e = 0.1f, f = 0.2f;
    Array out(count), predicted(count);
    OK(ddpm_reverse_step(x0_in, noise_in, xt, out, predicted, count, a, b, clip, c, d, e, f));
    auto z = xt.get();
    std::vector<double> x0_truth(count);
    std::vector<float> x0_plain(count);
    for (int64_t j = 0; j < count; ++j) {
      x0_truth[j] = std::clamp<double>(double(a) * x0[j] + double(b) * noise[j], -clip, clip);
      x0_plain[j] = std::clamp<float>(a * x0[j] + b * noise[j], -clip, clip);
      truth[j] = c * x0_truth[j] + double(d) * x0[j] + double(e) * noise[j] + double(f) * z[j];
      plain[j] = c * x0_plain[j] + d * x0[j] + e * noise[j] + f * z[j];
    }
    check_close(predicted.get(), x0_truth, x0_plain, "x0");
    check_close(out.get(), truth, plain, "out");
    auto expected = out.get();
    OK(ddpm_reverse_step(x0_in, noise_in, xt, x0_in, 0, count, a, b, clip, c, d, e, f));
    check_same(x0_in.get(), expected, "out over xt");
  }
  Array x(std::vector<float>(4, 1)), y(4);
  FAILS(DDPM_INVALID_ARGUMENT, "from_noise is 1", ddpm_reverse_step(x, x, 0, y, 0, 4, 1, 1, 1, 1, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "clip is 0", ddpm_reverse_step(x, x, 0, y, 0, 4, 1, 1, 0, 1, 1, 1, 0));
}

TEST(linear_combination_is_close) {
  for (int i = 0; i < 30; ++i) {
    int terms = static_cast<int>(pick(random, 1, 8));
    int64_t count = pick(random, 1, i < 25 ? 500 : 50000);
    auto weights = normal(random, terms);
    std::vector<std::vector<float>> x;
    std::vector<std::unique_ptr<Array>> arrays;
    std::vector<ddpm_mem> memory;
    std::vector<double> truth(count);
    std::vector<float> plain(count);
    for (int k = 0; k < terms; ++k) {
      x.push_back(normal(random, count));
      arrays.push_back(std::make_unique<Array>(x.back()));
      memory.push_back(*arrays.back());
      for (int64_t j = 0; j < count; ++j) {
        truth[j] += double(weights[k]) * x[k][j];
        plain[j] += weights[k] * x[k][j];
      }
    }
    Array out(count);
    OK(ddpm_linear_combination(memory.data(), weights.data(), terms, out, count));
    check_close(out.get(), truth, plain, "combination");
    auto expected = out.get();
    ddpm_mem over = memory[static_cast<size_t>(pick(random, 0, terms - 1))];
    OK(ddpm_linear_combination(memory.data(), weights.data(), terms, over, count));
    Array copy(count);
    OK(ddpm_copy(copy, over, count));
    check_same(copy.get(), expected, "combination over an operand");
  }
}

TEST(linear_combination_leaves_out_terms_of_weight_zero) {
  Array x({1, 2, 3}), nothing(3), out(3);
  ddpm_mem memory[] = {nothing, x, nothing};
  float weights[] = {0, 2, 0};
  OK(ddpm_linear_combination(memory, weights, 3, out, 3));
  check_same(out.get(), {2, 4, 6}, "combination");
}

TEST(linear_combination_does_not_depend_on_the_threads) {
  int threads = ddpm_threads();
  const int64_t count = 100001;
  Array a(normal(random, count)), b(normal(random, count)), out(count);
  ddpm_mem memory[] = {a, b, a};
  float weights[] = {0.3f, -1.7f, 0.9f};
  std::vector<float> first;
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    OK(ddpm_linear_combination(memory, weights, 3, out, count));
    if (t == 1) first = out.get();
    check_same(out.get(), first, "combination");
  }
  OK(ddpm_set_threads(threads));
}

TEST(linear_combination_refuses_what_does_not_fit) {
  Array x(std::vector<float>(8, 1)), out(8);
  ddpm_mem memory[9] = {x, x, x, x, x, x, x, x, x}, half = x + 8, none = 0;
  float weights[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  FAILS(DDPM_INVALID_ARGUMENT, "terms is 0", ddpm_linear_combination(memory, weights, 0, out, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "terms is 9", ddpm_linear_combination(memory, weights, 9, out, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "x and weights", ddpm_linear_combination(nullptr, weights, 1, out, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "x and weights", ddpm_linear_combination(memory, nullptr, 1, out, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "x must not be null", ddpm_linear_combination(&none, weights, 1, out, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "overlaps", ddpm_linear_combination(memory, weights, 2, half, 4));
}
