// Convolution and transposed convolution against the defining sums.
#include "reference/convolution.h"

#include <algorithm>
#include <cmath>

#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Window;

namespace {

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

/** Any window that the op must take: strides, asymmetric padding, tails in every dimension, batches small and not. */
Window any_window(Random& random, int most_channels) {
  Window g{};
  do {
    g.n = pick(random, 0, 3) == 0 ? pick_int(random, 6, 20) : pick_int(random, 1, 3);
    g.h = pick_int(random, 1, 11);
    g.w = pick_int(random, 1, 11);
    g.c = pick_int(random, 1, most_channels);
    g.k = pick_int(random, 1, most_channels);
    g.r = pick_int(random, 1, 5);
    g.s = pick_int(random, 1, 5);
    g.stride_h = pick_int(random, 1, 3);
    g.stride_w = pick_int(random, 1, 3);
    g.top = pick_int(random, 0, 2);
    g.left = pick_int(random, 0, 2);
    g.bottom = pick_int(random, 0, 2);
    g.right = pick_int(random, 0, 2);
  } while (g.h + g.top + g.bottom < g.r || g.w + g.left + g.right < g.s);
  return g;
}

/** The shapes of a U-Net: 3x3 same, 3x3 stride 2 with asymmetric padding, 1x1, 4x4 stride 2, first and last layer. */
std::vector<Window> unet_windows() {
  return {{2, 14, 14, 32, 48, 3, 3, 1, 1, 1, 1, 1, 1}, {3, 8, 8, 32, 32, 3, 3, 2, 2, 0, 0, 1, 1},
          {2, 7, 7, 64, 40, 1, 1, 1, 1, 0, 0, 0, 0},   {2, 12, 12, 24, 16, 4, 4, 2, 2, 1, 1, 1, 1},
          {2, 28, 28, 1, 32, 3, 3, 1, 1, 1, 1, 1, 1},  {2, 28, 28, 32, 1, 3, 3, 1, 1, 1, 1, 1, 1},
          {1, 4, 4, 96, 160, 3, 3, 1, 1, 1, 1, 1, 1},  {3, 9, 11, 2, 40, 5, 3, 2, 1, 2, 0, 1, 2},
          {2, 7, 13, 19, 3, 3, 3, 1, 1, 1, 1, 1, 1},   {2, 8, 9, 40, 4, 4, 4, 2, 2, 1, 1, 1, 1}};
}

/** Only the direct sums are as close as plain float32's, and exact for whole numbers; see winograd_test.cpp. */
struct Direct {
  Direct() { OK(ddpm_set_convolution_algorithm("direct")); }
  ~Direct() { (void)ddpm_set_convolution_algorithm("auto"); }
};

std::vector<Window> windows(Random& random, int count, int most_channels) {
  std::vector<Window> all = unet_windows();
  for (int i = 0; i < count; ++i) all.push_back(any_window(random, most_channels));
  return all;
}

}  // namespace

TEST(conv2d_is_close) {
  Direct direct;
  for (const Window& g : windows(random, 60, 40)) {
    auto x = normal(random, g.input()), w = normal(random, g.weights()), bias = normal(random, g.k);
    auto image_bias = normal(random, g.n * g.k), residual = normal(random, g.output());
    bool with_bias = pick(random, 0, 1), with_image_bias = pick(random, 0, 1), with_residual = pick(random, 0, 1);
    Array x_in(x), w_in(w), bias_in(bias), image_bias_in(image_bias), residual_in(residual), y(g.output());
    OK(ddpm_conv2d(x_in, w_in, with_bias ? bias_in : ddpm_mem{0}, with_image_bias ? image_bias_in : ddpm_mem{0},
                   with_residual ? residual_in : ddpm_mem{0}, y, GEOMETRY(g)));
    if (!with_bias) bias.clear();
    if (!with_image_bias) image_bias.clear();
    if (!with_residual) residual.clear();
    auto truth = reference::conv2d(g, as<double>(x), as<double>(w), as<double>(bias), as<double>(image_bias),
                                   as<double>(residual));
    check_close(y.get(), truth, reference::conv2d(g, x, w, bias, image_bias, residual), "conv2d");
  }
}

TEST(conv2d_of_small_whole_numbers_is_exact) {
  Direct direct;
  for (const Window& g : windows(random, 30, 20)) {
    auto x = whole(random, g.input(), 4), w = whole(random, g.weights(), 4), dy = whole(random, g.output(), 4);
    Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dx(g.input()), dw(std::vector<float>(g.weights(), 1.0f));
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    check_same(y.get(), reference::conv2d(g, x, w, {}, {}, {}), "conv2d");
    OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
    check_same(dx.get(), reference::conv2d_backward_input(g, dy, w, {}), "dx");
    OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, 0, GEOMETRY(g)));
    check_same(dw.get(), reference::conv2d_backward_weights(g, x, dy, std::vector<float>(g.weights(), 1.0f)), "dw");
  }
}

TEST(conv2d_gradients_are_close) {
  Direct direct;
  for (const Window& g : windows(random, 40, 40)) {
    auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
    auto bias = normal(random, g.c), dw_before = normal(random, g.weights()), dbias_before = normal(random, g.k);
    Array x_in(x), w_in(w), dy_in(dy), bias_in(bias), dx(g.input()), dw(dw_before), dbias(dbias_before);
    OK(ddpm_conv2d_backward_input(dy_in, w_in, bias_in, dx, GEOMETRY(g)));
    check_close(dx.get(), reference::conv2d_backward_input(g, as<double>(dy), as<double>(w), as<double>(bias)),
                reference::conv2d_backward_input(g, dy, w, bias), "dx");
    OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, dbias, GEOMETRY(g)));
    check_close(dw.get(), reference::conv2d_backward_weights(g, as<double>(x), as<double>(dy), as<double>(dw_before)),
                reference::conv2d_backward_weights(g, x, dy, dw_before), "dw");
    check_close(dbias.get(), reference::bias_gradient(as<double>(dy), as<double>(dbias_before)),
                reference::bias_gradient(dy, dbias_before), "dbias");
  }
}

TEST(conv2d_gradients_match_central_differences) {
  for (int i = 0; i < 10; ++i) {
    Window g = any_window(random, 5);
    auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
    Array x_in(x), w_in(w), dy_in(dy), dx(g.input()), dw(std::vector<float>(g.weights(), 0.0f));
    OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
    OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, 0, GEOMETRY(g)));
    check_gradient(
        random, dx.get(), as<double>(x),
        [&](const std::vector<double>& at) {
          return reference::dot(reference::conv2d<double>(g, at, as<double>(w), {}, {}, {}), dy);
        },
        "dx");
    check_gradient(
        random, dw.get(), as<double>(w),
        [&](const std::vector<double>& at) {
          return reference::dot(reference::conv2d<double>(g, as<double>(x), at, {}, {}, {}), dy);
        },
        "dw");
  }
}

TEST(an_image_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  for (Window g : unet_windows()) {
    g.n = 9;  // a batch that has tiles of one pixel of several images, and images left over
    g.h = std::min(g.h, 12);
    g.w = std::min(g.w, 12);
    auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
    Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dx(g.input()), dw(std::vector<float>(g.weights(), 0.0f));
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
    OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, 0, GEOMETRY(g)));
    auto all = y.get(), all_dx = dx.get(), all_dw = dw.get();
    for (int t : {1, 2, 3}) {
      OK(ddpm_set_threads(t));
      Array again(std::vector<float>(g.weights(), 0.0f));
      OK(ddpm_conv2d_backward_weights(x_in, dy_in, again, 0, GEOMETRY(g)));
      check_same(again.get(), all_dw, "dw");
      Window one = g;
      one.n = 1;
      for (int i : {0, 4, 8}) {
        Array x_one({x.begin() + i * one.input(), x.begin() + (i + 1) * one.input()});
        Array dy_one({dy.begin() + i * one.output(), dy.begin() + (i + 1) * one.output()});
        Array y_one(one.output()), dx_one(one.input());
        OK(ddpm_conv2d(x_one, w_in, 0, 0, 0, y_one, GEOMETRY(one)));
        check_same(y_one.get(), {all.begin() + i * one.output(), all.begin() + (i + 1) * one.output()}, "image of y");
        OK(ddpm_conv2d_backward_input(dy_one, w_in, 0, dx_one, GEOMETRY(one)));
        check_same(dx_one.get(), {all_dx.begin() + i * one.input(), all_dx.begin() + (i + 1) * one.input()},
                   "image of dx");
      }
    }
    OK(ddpm_set_threads(threads));
  }
}

TEST(a_gap_between_strides_gives_only_the_bias) {
  // With a stride above the window, some inputs are seen by no tap; with a stride above the picture there is one
  // output.
  for (int stride : {3, 100}) {
    Window g{2, 5, 5, 3, 4, 1, 1, stride, stride, 0, 0, 0, 0};
    auto w = whole(random, g.weights(), 4), dy = whole(random, g.output(), 4), bias = whole(random, g.c, 4);
    Array w_in(w), dy_in(dy), bias_in(bias), dx(g.input());
    OK(ddpm_conv2d_backward_input(dy_in, w_in, bias_in, dx, GEOMETRY(g)));
    check_same(dx.get(), reference::conv2d_backward_input(g, dy, w, bias), "dx");
  }
}

TEST(a_signal_is_a_picture_of_one_row) {
  Window g{1, 1, 40000, 2, 3, 1, 5, 1, 2, 0, 3, 0, 1};
  auto x = whole(random, g.input(), 4), w = whole(random, g.weights(), 4), dy = whole(random, g.output(), 4);
  Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dx(g.input()), dw(std::vector<float>(g.weights(), 0.0f));
  OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
  check_same(y.get(), reference::conv2d(g, x, w, {}, {}, {}), "conv2d");
  OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
  check_same(dx.get(), reference::conv2d_backward_input(g, dy, w, {}), "dx");
  OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, 0, GEOMETRY(g)));
  check_same(dw.get(), reference::conv2d_backward_weights(g, x, dy, std::vector<float>(g.weights(), 0.0f)), "dw");
}

TEST(infinities_and_nans_stay_where_they_belong) {
  Window g{2, 6, 6, 17, 5, 3, 3, 1, 1, 1, 1, 1, 1};
  auto x = normal(random, g.input()), w = normal(random, g.weights());
  Array clean_in(x), w_in(w), clean_y(g.output()), y(g.output()), dw(std::vector<float>(g.weights(), 0.0f));
  x[0] = INFINITY;
  x[20] = NAN;
  Array x_in(x);
  OK(ddpm_conv2d(clean_in, w_in, 0, 0, 0, clean_y, GEOMETRY(g)));
  OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
  OK(ddpm_conv2d_backward_weights(x_in, clean_y, dw, 0, GEOMETRY(g)));
  auto got = y.get(), clean = clean_y.get();
  for (int i = 0; i < g.k; ++i) CHECK(!std::isfinite(got[i]));
  // Nothing from three pixels on sees the first two.
  for (size_t i = 3 * g.k; i < size_t(6) * g.k; ++i) CHECK(got[i] == clean[i]);
  for (size_t i = got.size() / 2; i < got.size(); ++i) CHECK(got[i] == clean[i]);
}

TEST(conv2d_may_write_over_its_residual) {
  Window g = unet_windows()[0];
  auto x = normal(random, g.input()), w = normal(random, g.weights()), residual = normal(random, g.output());
  Array x_in(x), w_in(w), residual_in(residual), y(g.output());
  OK(ddpm_conv2d(x_in, w_in, 0, 0, residual_in, y, GEOMETRY(g)));
  OK(ddpm_conv2d(x_in, w_in, 0, 0, residual_in, residual_in, GEOMETRY(g)));
  check_same(residual_in.get(), y.get(), "y over residual");
}

TEST(bad_windows_are_refused) {
  Array x(std::vector<float>(64, 1)), w(std::vector<float>(64, 1)), y(64);
  FAILS(DDPM_INVALID_ARGUMENT, "stride_h is 0", ddpm_conv2d(x, w, 0, 0, 0, y, 1, 4, 4, 1, 1, 3, 3, 0, 1, 1, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "padding is -1", ddpm_conv2d(x, w, 0, 0, 0, y, 1, 4, 4, 1, 1, 3, 3, 1, 1, -1, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "window height is 7",
        ddpm_conv2d(x, w, 0, 0, 0, y, 1, 4, 4, 1, 1, 7, 3, 1, 1, 1, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "more than 2^38",
        ddpm_conv2d(x, w, 0, 0, 0, y, 1 << 30, 1 << 30, 1 << 30, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "x needs", ddpm_conv2d(x, w, 0, 0, 0, y, 5, 40, 40, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps x", ddpm_conv2d(x, w, 0, 0, 0, x, 1, 4, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "w needs",
        ddpm_conv2d_backward_input(y, w, 0, x, 1, 4, 4, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "dx must not be null",
        ddpm_conv2d_backward_input(y, w, 0, 0, 1, 4, 4, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "dw overlaps x",
        ddpm_conv2d_backward_weights(x, w, x, 0, 1, 4, 4, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1));
}
