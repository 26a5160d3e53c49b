// Convolutions and linear maps whose operands are rounded: bounds for every backend, however exact it is.
#include <algorithm>
#include <cmath>
#include <string>

#include "harness.h"
#include "reference/convolution.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Window;

namespace {

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

/** A precision and the largest relative error of rounding to it. */
struct Precision {
  const char* name;
  double unit;
};
constexpr Precision kPrecisions[] = {{"float32", 0}, {"tf32", 0x1p-11}, {"bfloat16", 0x1p-8}};

struct Chosen {
  explicit Chosen(const Precision& p) {
    OK(ddpm_set_convolution_algorithm("direct"));
    OK(ddpm_set_precision(p.name));
  }
  ~Chosen() {
    (void)ddpm_set_precision("float32");
    (void)ddpm_set_convolution_algorithm("auto");
  }
};

/**
 * 3 x 3 with strides 1 and 2, 1 x 1, 4 x 4, few channels; tails in pixels, channels and depth; several tiles. Tiles of
 * several small pictures, windows of two taps, pictures wider than a tile.
 */
std::vector<Window> windows() {
  return {{2, 9, 9, 16, 24, 3, 3, 1, 1, 1, 1, 1, 1},  {1, 8, 8, 20, 12, 3, 3, 2, 2, 0, 0, 1, 1},
          {3, 5, 7, 68, 70, 1, 1, 1, 1, 0, 0, 0, 0},  {1, 8, 8, 8, 12, 4, 4, 2, 2, 1, 1, 1, 1},
          {1, 10, 10, 3, 17, 3, 3, 1, 1, 1, 1, 1, 1}, {1, 9, 6, 13, 2, 5, 3, 3, 2, 2, 0, 1, 2},
          {5, 4, 4, 21, 18, 3, 3, 1, 1, 1, 1, 1, 1},  {2, 6, 11, 36, 16, 1, 2, 1, 1, 0, 1, 0, 0},
          {1, 2, 100, 16, 5, 3, 3, 1, 1, 1, 0, 1, 2}};
}

std::vector<double> absolute(const std::vector<float>& values) {
  std::vector<double> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](float x) { return std::abs(double{x}); });
  return result;
}

/**
 * Checks sums of products: each product is off by at most 2 u + u^2 of its size, and adding up some terms one after the
 * other by at most a rounding of the sum of sizes each; tensor cores cut off, which doubles a rounding.
 */
void check_products(const std::vector<float>& got, const std::vector<double>& truth, const std::vector<double>& sizes,
                    const Precision& p, double terms, const char* what) {
  double share = 2 * p.unit + p.unit * p.unit + terms * 0x1p-23;
  for (size_t i = 0; i < truth.size(); ++i)
    if (!(std::abs(got[i] - truth[i]) <= share * sizes[i]))
      fail_test("%s[%zu] in %s is %.9g, expected %.9g within %.3g", what, i, p.name, static_cast<double>(got[i]),
                truth[i], share * sizes[i]);
}

}  // namespace

TEST(products_are_as_exact_as_their_precision) {
  for (const Precision& p : kPrecisions) {
    Chosen chosen(p);
    for (const Window& g : windows()) {
      auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
      auto bias = normal(random, g.k), image_bias = normal(random, g.n * g.k), residual = normal(random, g.output());
      auto bias_in = normal(random, g.c), dw_before = normal(random, g.weights());
      Array x_(x), w_(w), dy_(dy), bias_(bias), image_bias_(image_bias), residual_(residual), bias_in_(bias_in);
      Array y(g.output()), dx(g.input()), dw(dw_before);
      OK(ddpm_conv2d(x_, w_, bias_, image_bias_, residual_, y, GEOMETRY(g)));
      OK(ddpm_conv2d_backward_input(dy_, w_, bias_in_, dx, GEOMETRY(g)));
      OK(ddpm_conv2d_backward_weights(x_, dy_, dw, 0, GEOMETRY(g)));
      check_products(
          y.get(),
          reference::conv2d(g, as<double>(x), as<double>(w), as<double>(bias), as<double>(image_bias),
                            as<double>(residual)),
          reference::conv2d(g, absolute(x), absolute(w), absolute(bias), absolute(image_bias), absolute(residual)), p,
          g.r * g.s * g.c + 3, "y");
      check_products(dx.get(), reference::conv2d_backward_input(g, as<double>(dy), as<double>(w), as<double>(bias_in)),
                     reference::conv2d_backward_input(g, absolute(dy), absolute(w), absolute(bias_in)), p,
                     g.r * g.s * g.k + 1, "dx");
      check_products(dw.get(),
                     reference::conv2d_backward_weights(g, as<double>(x), as<double>(dy), as<double>(dw_before)),
                     reference::conv2d_backward_weights(g, absolute(x), absolute(dy), absolute(dw_before)), p,
                     g.n * g.oh() * g.ow() + 1, "dw");
    }
  }
}

TEST(each_factor_is_rounded_to_the_nearest) {
  // Products with the identity are off by the rounding of the other factor alone.
  constexpr int kSize = 20;
  std::vector<float> identity(kSize * kSize), zeros(kSize * kSize);
  for (size_t i = 0; i < kSize; ++i) identity[i * (kSize + 1)] = 1;
  for (const Precision& p : kPrecisions) {
    Chosen chosen(p);
    auto m = normal(random, kSize * kSize);
    auto check = [&](const Array& product, bool turned, const char* what) {
      auto got = product.get();
      for (size_t i = 0; i < got.size(); ++i) {
        float factor = m[turned ? i % kSize * kSize + i / kSize : i];
        if (!(std::abs(got[i] - factor) <= p.unit * std::abs(factor)))
          fail_test("%s: %.9g becomes %.9g in %s", what, static_cast<double>(factor), static_cast<double>(got[i]),
                    p.name);
      }
    };
    Array m_(m), identity_(identity), y(kSize * kSize), dw(zeros), dw_turned(zeros);
    OK(ddpm_linear(m_, identity_, 0, 0, y, kSize, kSize, kSize));
    check(y, false, "x");
    OK(ddpm_linear(identity_, m_, 0, 0, y, kSize, kSize, kSize));
    check(y, true, "w");
    OK(ddpm_linear_backward_input(m_, identity_, y, kSize, kSize, kSize));
    check(y, false, "dy of dx");
    OK(ddpm_linear_backward_input(identity_, m_, y, kSize, kSize, kSize));
    check(y, false, "w of dx");
    OK(ddpm_linear_backward_weights(m_, identity_, dw, 0, kSize, kSize, kSize));
    check(dw, false, "x of dw");
    OK(ddpm_linear_backward_weights(identity_, m_, dw_turned, 0, kSize, kSize, kSize));
    check(dw_turned, true, "dy of dw");
  }
}

TEST(small_whole_numbers_are_exact_in_every_precision) {
  for (const Precision& p : kPrecisions) {
    Chosen chosen(p);
    for (const Window& g : windows()) {
      auto x = whole(random, g.input(), 4), w = whole(random, g.weights(), 4), dy = whole(random, g.output(), 4);
      auto ones = std::vector<float>(g.weights(), 1.0f), before = whole(random, g.k, 4);
      Array x_(x), w_(w), dy_(dy), y(g.output()), dx(g.input()), dw(ones), dbias(before);
      OK(ddpm_conv2d(x_, w_, 0, 0, 0, y, GEOMETRY(g)));
      check_same(y.get(), reference::conv2d(g, x, w, {}, {}, {}), p.name);
      OK(ddpm_conv2d_backward_input(dy_, w_, 0, dx, GEOMETRY(g)));
      check_same(dx.get(), reference::conv2d_backward_input(g, dy, w, {}), p.name);
      OK(ddpm_conv2d_backward_weights(x_, dy_, dw, dbias, GEOMETRY(g)));
      check_same(dw.get(), reference::conv2d_backward_weights(g, x, dy, ones), p.name);
      check_same(dbias.get(), reference::bias_gradient(dy, before), p.name);
    }
  }
}

TEST(large_products_of_small_whole_numbers_are_exact) {
  // Where a GPU takes larger tiles, with tails; some of the sums.
  constexpr size_t kRows = 16500, kIn = 20, kOut = 130, kPixels = 4300, kWide = 126;
  for (const Precision& p : kPrecisions) {
    Chosen chosen(p);
    auto a = whole(random, kRows * kIn, 4), b = whole(random, kOut * kIn, 4);
    Array a_(a), b_(b), y(kRows * kOut);
    OK(ddpm_linear(a_, b_, 0, 0, y, kRows, kIn, kOut));
    auto got = y.get();
    for (size_t row = 0; row < kRows; row += row < 200 ? 1 : 97)
      for (size_t o = 0; o < kOut; ++o) {
        float sum = 0;
        for (size_t i = 0; i < kIn; ++i) sum += a[row * kIn + i] * b[o * kIn + i];
        if (got[row * kOut + o] != sum) fail_test("y[%zu,%zu] in %s", row, o, p.name);
      }
    auto x = whole(random, kPixels * kWide, 4), dy = whole(random, kPixels * kWide, 4);
    Array x_(x), dy_(dy), dw(std::vector<float>(kWide * kWide, 1.0f));
    OK(ddpm_linear_backward_weights(x_, dy_, dw, 0, kPixels, kWide, kWide));
    got = dw.get();
    for (size_t i = 0; i < got.size(); i += 37) {
      float sum = 1;
      for (size_t n = 0; n < kPixels; ++n) sum += dy[n * kWide + i / kWide] * x[n * kWide + i % kWide];
      if (got[i] != sum) fail_test("dw[%zu,%zu] in %s", i / kWide, i % kWide, p.name);
    }
  }
}

TEST(an_image_has_the_same_bits_in_any_batch_in_every_precision) {
  for (const Precision& p : kPrecisions) {
    Chosen chosen(p);
    Window g{5, 6, 5, 12, 20, 3, 3, 1, 1, 1, 1, 1, 1}, one = g;
    one.n = 1;
    auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
    Array x_(x), w_(w), dy_(dy), y(g.output()), dx(g.input());
    OK(ddpm_conv2d(x_, w_, 0, 0, 0, y, GEOMETRY(g)));
    OK(ddpm_conv2d_backward_input(dy_, w_, 0, dx, GEOMETRY(g)));
    auto all = y.get(), all_dx = dx.get();
    for (int i : {0, 3, 4}) {
      Array x_one({x.begin() + i * one.input(), x.begin() + (i + 1) * one.input()}), y_one(one.output());
      Array dy_one({dy.begin() + i * one.output(), dy.begin() + (i + 1) * one.output()}), dx_one(one.input());
      OK(ddpm_conv2d(x_one, w_, 0, 0, 0, y_one, GEOMETRY(one)));
      check_same(y_one.get(), {all.begin() + i * one.output(), all.begin() + (i + 1) * one.output()}, "image of y");
      OK(ddpm_conv2d_backward_input(dy_one, w_, 0, dx_one, GEOMETRY(one)));
      check_same(dx_one.get(), {all_dx.begin() + i * one.input(), all_dx.begin() + (i + 1) * one.input()},
                 "image of dx");
    }
  }
}

TEST(precisions_have_names) {
  CHECK(std::string(ddpm_precision()) == "float32");
  FAILS(DDPM_INVALID_ARGUMENT, "'float16', expected float32, tf32 or bfloat16", ddpm_set_precision("float16"));
  FAILS(DDPM_INVALID_ARGUMENT, "'null'", ddpm_set_precision(nullptr));
  for (const Precision& p : {kPrecisions[1], kPrecisions[2], kPrecisions[0]}) {
    OK(ddpm_set_precision(p.name));
    CHECK(ddpm_precision() == std::string(p.name));
  }
}
