// Linear maps against the defining sums. A linear map is a convolution of a row of pixels by a window of one.
#include <cmath>

#include "harness.h"
#include "reference/convolution.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Window;

namespace {

Window map_of(int rows, int in, int out) { return {1, 1, rows, in, out, 1, 1, 1, 1, 0, 0, 0, 0}; }

/** Tails in every dimension; a batch of time embeddings; the rows of an attention layer. */
std::vector<Window> maps(Random& random) {
  std::vector<Window> all = {map_of(1, 128, 512), map_of(16, 128, 96), map_of(600, 64, 64), map_of(1, 1, 1),
                             map_of(7, 3, 1)};
  for (int i = 0; i < 40; ++i)
    all.push_back(map_of(static_cast<int>(pick(random, 1, 90)), static_cast<int>(pick(random, 1, 70)),
                         static_cast<int>(pick(random, 1, 70))));
  return all;
}

}  // namespace

TEST(linear_is_close) {
  for (const Window& g : maps(random)) {
    auto x = normal(random, g.input()), w = normal(random, g.weights()), bias = normal(random, g.k);
    auto residual = normal(random, g.output());
    bool with_bias = pick(random, 0, 1), with_residual = pick(random, 0, 1);
    Array x_in(x), w_in(w), bias_in(bias), residual_in(residual), y(g.output());
    OK(ddpm_linear(x_in, w_in, with_bias ? bias_in : ddpm_mem{0}, with_residual ? residual_in : ddpm_mem{0}, y, g.w,
                   g.c, g.k));
    if (!with_bias) bias.clear();
    if (!with_residual) residual.clear();
    check_close(y.get(), reference::conv2d(g, as<double>(x), as<double>(w), as<double>(bias), {}, as<double>(residual)),
                reference::conv2d(g, x, w, bias, {}, residual), "linear");
  }
}

TEST(linear_gradients_are_close) {
  for (const Window& g : maps(random)) {
    auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
    auto dw_before = normal(random, g.weights()), dbias_before = normal(random, g.k);
    Array x_in(x), w_in(w), dy_in(dy), dx(g.input()), dw(dw_before), dbias(dbias_before);
    OK(ddpm_linear_backward_input(dy_in, w_in, dx, g.w, g.c, g.k));
    check_close(dx.get(), reference::conv2d_backward_input(g, as<double>(dy), as<double>(w), {}),
                reference::conv2d_backward_input(g, dy, w, {}), "dx");
    OK(ddpm_linear_backward_weights(x_in, dy_in, dw, dbias, g.w, g.c, g.k));
    check_close(dw.get(), reference::conv2d_backward_weights(g, as<double>(x), as<double>(dy), as<double>(dw_before)),
                reference::conv2d_backward_weights(g, x, dy, dw_before), "dw");
    check_close(dbias.get(), reference::bias_gradient(as<double>(dy), as<double>(dbias_before)),
                reference::bias_gradient(dy, dbias_before), "dbias");
  }
}

TEST(linear_of_small_whole_numbers_is_exact) {
  for (const Window& g : maps(random)) {
    auto x = whole(random, g.input(), 4), w = whole(random, g.weights(), 4), dy = whole(random, g.output(), 4);
    std::vector<float> ones(g.weights(), 1.0f);
    Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dx(g.input()), dw(ones);
    OK(ddpm_linear(x_in, w_in, 0, 0, y, g.w, g.c, g.k));
    check_same(y.get(), reference::conv2d(g, x, w, {}, {}, {}), "linear");
    OK(ddpm_linear_backward_input(dy_in, w_in, dx, g.w, g.c, g.k));
    check_same(dx.get(), reference::conv2d_backward_input(g, dy, w, {}), "dx");
    OK(ddpm_linear_backward_weights(x_in, dy_in, dw, 0, g.w, g.c, g.k));
    check_same(dw.get(), reference::conv2d_backward_weights(g, x, dy, ones), "dw");
  }
}

TEST(linear_gradients_match_central_differences) {
  Window g = map_of(5, 7, 3);
  auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
  Array x_in(x), w_in(w), dy_in(dy), dx(g.input()), dw(std::vector<float>(g.weights(), 0.0f));
  OK(ddpm_linear_backward_input(dy_in, w_in, dx, g.w, g.c, g.k));
  OK(ddpm_linear_backward_weights(x_in, dy_in, dw, 0, g.w, g.c, g.k));
  auto loss = [&](const std::vector<double>& x_at, const std::vector<double>& w_at) {
    return reference::dot(reference::conv2d<double>(g, x_at, w_at, {}, {}, {}), dy);
  };
  check_gradient(
      random, dx.get(), as<double>(x), [&](const auto& at) { return loss(at, as<double>(w)); }, "dx");
  check_gradient(
      random, dw.get(), as<double>(w), [&](const auto& at) { return loss(as<double>(x), at); }, "dw");
}

TEST(a_row_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  Window g = map_of(200, 50, 70);
  auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
  Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dw(std::vector<float>(g.weights(), 0.0f));
  OK(ddpm_linear(x_in, w_in, 0, 0, y, g.w, g.c, g.k));
  OK(ddpm_linear_backward_weights(x_in, dy_in, dw, 0, g.w, g.c, g.k));
  auto all = y.get(), all_dw = dw.get();
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    for (int row : {0, 1, 5, 199}) {
      Array x_one({x.begin() + row * g.c, x.begin() + (row + 1) * g.c}), y_one(g.k);
      OK(ddpm_linear(x_one, w_in, 0, 0, y_one, 1, g.c, g.k));
      check_same(y_one.get(), {all.begin() + row * g.k, all.begin() + (row + 1) * g.k}, "row of y");
    }
    Array again(std::vector<float>(g.weights(), 0.0f));
    OK(ddpm_linear_backward_weights(x_in, dy_in, again, 0, g.w, g.c, g.k));
    check_same(again.get(), all_dw, "dw");
  }
  OK(ddpm_set_threads(threads));
}

TEST(linear_may_write_over_its_residual) {
  Window g = map_of(20, 30, 40);
  auto x = normal(random, g.input()), w = normal(random, g.weights()), residual = normal(random, g.output());
  Array x_in(x), w_in(w), residual_in(residual), y(g.output());
  OK(ddpm_linear(x_in, w_in, 0, residual_in, y, g.w, g.c, g.k));
  OK(ddpm_linear(x_in, w_in, 0, residual_in, residual_in, g.w, g.c, g.k));
  check_same(residual_in.get(), y.get(), "y over residual");
}

TEST(bad_linear_maps_are_refused) {
  Array x(std::vector<float>(64, 1)), w(std::vector<float>(64, 1)), y(64);
  FAILS(DDPM_INVALID_ARGUMENT, "dimension of 0", ddpm_linear(x, w, 0, 0, y, 0, 4, 4));
  FAILS(DDPM_INVALID_ARGUMENT, "w must not be null", ddpm_linear(x, 0, 0, 0, y, 4, 4, 4));
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps x", ddpm_linear(x, w, 0, 0, x, 4, 4, 4));
  FAILS(DDPM_INVALID_ARGUMENT, "more than 2^38", ddpm_linear(x, w, 0, 0, y, int64_t{1} << 40, 4, 4));
  FAILS(DDPM_INVALID_ARGUMENT, "dx needs", ddpm_linear_backward_input(y, w, x, 64, 64, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "dw overlaps dy", ddpm_linear_backward_weights(x, y, y, 0, 4, 4, 4));
}
