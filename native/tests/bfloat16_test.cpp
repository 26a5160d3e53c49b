// Products of operands rounded to bfloat16 on the CPU. With operands rounded beforehand, in another way, the sums are
// those of float32: exact or as close as plain float32 everywhere else.
#include <cmath>
#include <limits>

#include "harness.h"
#include "reference/convolution.h"

using namespace ddpm::test;
using reference::Window;

namespace {

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

/** Rounds products to bfloat16, for as long as it lives. Only direct convolutions do: Winograd's stay float32. */
struct Rounding {
  explicit Rounding(const char* algorithm = "direct") {
    OK(ddpm_set_convolution_algorithm(algorithm));
    OK(ddpm_set_precision("bfloat16"));
  }
  ~Rounding() {
    (void)ddpm_set_precision("float32");
    (void)ddpm_set_convolution_algorithm("auto");
  }
};

/** To eight significant bits, ties to even. */
float rounded(float x) {
  int exponent = 0;
  double fraction = std::frexp(double{x}, &exponent);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8));
}

std::vector<float> rounded(std::vector<float> values) {
  for (float& value : values) value = rounded(value);
  return values;
}

/** Windows of every kind; odd and even depths, tails of panels and tiles, tiles of one pixel of several images. */
std::vector<Window> windows(Random& random) {
  std::vector<Window> all{{2, 14, 14, 32, 48, 3, 3, 1, 1, 1, 1, 1, 1}, {3, 8, 8, 33, 32, 3, 3, 2, 2, 0, 0, 1, 1},
                          {2, 7, 7, 64, 40, 1, 1, 1, 1, 0, 0, 0, 0},   {2, 12, 12, 25, 16, 4, 4, 2, 2, 1, 1, 1, 1},
                          {2, 28, 28, 1, 32, 3, 3, 1, 1, 1, 1, 1, 1},  {2, 28, 28, 32, 1, 3, 3, 1, 1, 1, 1, 1, 1},
                          {9, 4, 4, 96, 160, 3, 3, 1, 1, 1, 1, 1, 1},  {1, 5, 5, 3, 7, 5, 3, 1, 2, 2, 1, 2, 1}};
  for (int i = 0; i < 20; ++i) {
    auto size = [&](int low, int high) { return static_cast<int>(pick(random, low, high)); };
    all.push_back({size(1, 13), size(3, 9), size(3, 9), size(1, 40), size(1, 70), 3, 3, size(1, 2), 1, 1, 1, 1, 1});
  }
  return all;
}

Window rows(int count, int in, int out) { return {count, 1, 1, in, out, 1, 1, 1, 1, 0, 0, 0, 0}; }

}  // namespace

TEST(operands_are_rounded_to_nearest_even) {
  Rounding rounding;
  constexpr float kUlp = 0x1p-7F, kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> from{1, 1 + kUlp / 2, 1 + kUlp * 3 / 2, 1 + kUlp * 0.51F, -1 - kUlp / 2, 3.4e38F, 0, -0.1F};
  std::vector<float> to{1, 1, 1 + 2 * kUlp, 1 + kUlp, -1, kInfinity, 0, rounded(-0.1F)};
  Array one(std::vector<float>{1}), y(8);
  for (size_t i = 0; i < from.size(); ++i) {
    Array in(std::vector<float>{from[i]}), out(1);
    OK(ddpm_linear(in, one, 0, 0, out, 1, 1, 1));
    check_same(out.get(), {to[i]}, "x");
  }
  // As weights, all at once: rows of the other operand.
  Array in(from);
  OK(ddpm_linear(one, in, 0, 0, y, 1, 1, 8));
  check_same(y.get(), to, "w");
}

TEST(sums_of_rounded_operands_are_close) {
  Rounding rounding;
  for (const Window& g : windows(random)) {
    auto x = normal(random, g.input()), w = normal(random, g.weights()), bias = normal(random, g.k);
    auto image_bias = normal(random, g.n * g.k), residual = normal(random, g.output());
    Array x_in(x), w_in(w), bias_in(bias), image_bias_in(image_bias), residual_in(residual), y(g.output());
    OK(ddpm_conv2d(x_in, w_in, bias_in, image_bias_in, residual_in, y, GEOMETRY(g)));
    auto rx = rounded(x), rw = rounded(w);
    check_close(y.get(),
                reference::conv2d(g, as<double>(rx), as<double>(rw), as<double>(bias), as<double>(image_bias),
                                  as<double>(residual)),
                reference::conv2d(g, rx, rw, bias, image_bias, residual), "conv2d");
  }
  for (const Window& g : {rows(1, 128, 512), rows(7, 33, 41), rows(50, 64, 8), rows(3, 1, 1)}) {
    auto x = normal(random, g.input()), w = normal(random, g.weights()), bias = normal(random, g.k);
    Array x_in(x), w_in(w), bias_in(bias), y(g.output());
    OK(ddpm_linear(x_in, w_in, bias_in, 0, y, g.n, g.c, g.k));
    auto rx = rounded(x), rw = rounded(w);
    check_close(y.get(), reference::conv2d<double>(g, as<double>(rx), as<double>(rw), as<double>(bias), {}, {}),
                reference::conv2d(g, rx, rw, bias, {}, {}), "linear");
  }
}

TEST(small_whole_numbers_are_exact) {
  Rounding rounding;
  for (const Window& g : windows(random)) {
    auto x = whole(random, g.input(), 4), w = whole(random, g.weights(), 4);
    Array x_in(x), w_in(w), y(g.output());
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    check_same(y.get(), reference::conv2d(g, x, w, {}, {}, {}), "conv2d");
  }
}

TEST(neither_batch_nor_threads_change_a_bit) {
  Rounding rounding;
  int threads = ddpm_threads();
  for (Window g : windows(random)) {
    auto x = normal(random, g.input()), w = normal(random, g.weights());
    Array x_in(x), w_in(w), y(g.output());
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    auto all = y.get();
    OK(ddpm_keep_packed(w_in, 1));
    Window one = g;
    one.n = 1;
    for (int image = 0; image < g.n; ++image) {
      OK(ddpm_set_threads(1 + image % 3));
      Array x_one({x.begin() + image * one.input(), x.begin() + (image + 1) * one.input()}), y_one(one.output());
      OK(ddpm_conv2d(x_one, w_in, 0, 0, 0, y_one, GEOMETRY(one)));
      check_same(y_one.get(), {all.begin() + image * one.output(), all.begin() + (image + 1) * one.output()}, "image");
    }
    OK(ddpm_set_threads(threads));
  }
}

TEST(infinities_and_nans_pass) {
  Rounding rounding;
  Window g{2, 6, 6, 17, 5, 3, 3, 1, 1, 1, 1, 1, 1};
  auto x = normal(random, g.input()), w = normal(random, g.weights());
  Array clean_in(x), w_in(w), clean_y(g.output()), y(g.output());
  x[0] = INFINITY;
  x[16] = NAN;
  Array x_in(x);
  OK(ddpm_conv2d(clean_in, w_in, 0, 0, 0, clean_y, GEOMETRY(g)));
  OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
  auto got = y.get(), clean = clean_y.get();
  for (int i = 0; i < g.k; ++i) CHECK(std::isnan(got[i]));
  for (size_t i = 2 * g.k; i < size_t(6) * g.k; ++i) CHECK(got[i] == clean[i]);
  for (size_t i = got.size() / 2; i < got.size(); ++i) CHECK(got[i] == clean[i]);
  // An infinity alone, among an odd number of channels, meets no zero times infinity.
  x[16] = 1;
  Array infinite(x);
  OK(ddpm_conv2d(infinite, w_in, 0, 0, 0, y, GEOMETRY(g)));
  for (int i = 0; i < g.k; ++i) CHECK(std::isinf(y.get()[i]));
}

TEST(winograds_algorithm_stays_float32) {
  Window g{2, 8, 8, 32, 40, 3, 3, 1, 1, 1, 1, 1, 1};
  auto x = normal(random, g.input()), w = normal(random, g.weights());
  Array x_in(x), w_in(w), exact(g.output()), y(g.output());
  for (const char* algorithm : {"winograd2", "winograd4"}) {
    Rounding rounding(algorithm);
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    OK(ddpm_set_precision("float32"));
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, exact, GEOMETRY(g)));
    check_same(y.get(), exact.get(), algorithm);
  }
}

TEST(packed_weights_take_half_the_memory) {
  Array x(std::vector<float>(64, 1)), w(std::vector<float>(64 * 64, 1)), y(64);
  OK(ddpm_keep_packed(w, 1));
  int64_t before = ddpm_packed_bytes();
  OK(ddpm_linear(x, w, 0, 0, y, 1, 64, 64));
  int64_t floats = ddpm_packed_bytes() - before;
  Rounding rounding;
  OK(ddpm_linear(x, w, 0, 0, y, 1, 64, 64));
  CHECK(2 * (ddpm_packed_bytes() - before - floats) == floats);
}
