// Winograd's convolution against the defining sums, within the bound that winograd.h states, and against Winograd's
// algorithm in plain float32.
#include "reference/winograd.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "harness.h"

using namespace ddpm::test;
using reference::Window;

namespace {

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

/** Selects an algorithm for as long as it lives. */
struct Algorithm {
  explicit Algorithm(const char* name) { OK(ddpm_set_convolution_algorithm(name)); }
  ~Algorithm() { (void)ddpm_set_convolution_algorithm("auto"); }
};

/** A table of choices, for as long as it lives. */
struct Table {
  explicit Table(const std::vector<std::array<int32_t, 5>>& rows) {
    OK(ddpm_set_convolution_table(rows[0].data(), static_cast<int32_t>(rows.size())));
  }
  ~Table() { (void)ddpm_set_convolution_table(nullptr, 0); }
};

const char* name_of(int m) { return m == 2 ? "winograd2" : "winograd4"; }

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

/** Any 3 x 3 window with stride 1: asymmetric padding, pictures smaller than a tile, tails in every dimension. */
Window any_window(Random& random, int most_channels) {
  Window g{};
  do {
    g = {pick_int(random, 1, 3),
         pick_int(random, 1, 13),
         pick_int(random, 1, 13),
         pick_int(random, 1, most_channels),
         pick_int(random, 1, most_channels),
         3,
         3,
         1,
         1,
         pick_int(random, 0, 4),
         pick_int(random, 0, 4),
         pick_int(random, 0, 4),
         pick_int(random, 0, 4)};
  } while (g.h + g.top + g.bottom < 3 || g.w + g.left + g.right < 3);
  return g;
}

std::vector<Window> windows(Random& random, int count, int most_channels) {
  std::vector<Window> all{{1, 14, 14, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1},
                          {3, 7, 7, 48, 96, 3, 3, 1, 1, 1, 1, 1, 1},
                          {2, 5, 5, 16, 150, 3, 3, 1, 1, 1, 1, 1, 1},
                          {7, 20, 23, 16, 40, 3, 3, 1, 1, 1, 1, 1, 1}};  // several runs of tiles
  for (int i = 0; i < count; ++i) all.push_back(any_window(random, most_channels));
  return all;
}

/** Roundings on the way of a product into an output, bias, image_bias and residual included; see winograd.h. */
double roundings(int depth) { return depth + 27 + 3; }

/** The bound of winograd.h on each error, given the sums of absolute values and the additions. */
bool within_bound(const std::vector<float>& got, const std::vector<double>& truth, const std::vector<double>& magnitude,
                  int depth) {
  for (size_t i = 0; i < truth.size(); ++i)
    if (!(std::abs(got[i] - truth[i]) <= roundings(depth) * std::ldexp(magnitude[i], -24))) return false;
  return true;
}

}  // namespace

TEST(winograd_is_close) {
  for (int m : {2, 4}) {
    Algorithm algorithm(name_of(m));
    for (const Window& g : windows(random, 40, 70)) {
      auto x = normal(random, g.input()), w = normal(random, g.weights()), bias = normal(random, g.k);
      auto image_bias = normal(random, g.n * g.k), residual = normal(random, g.output());
      bool with_bias = pick(random, 0, 1), with_image_bias = pick(random, 0, 1), with_residual = pick(random, 0, 1);
      Array x_in(x), w_in(w), bias_in(bias), image_bias_in(image_bias), residual_in(residual), y(g.output());
      OK(ddpm_conv2d(x_in, w_in, with_bias ? bias_in : ddpm_mem{0}, with_image_bias ? image_bias_in : ddpm_mem{0},
                     with_residual ? residual_in : ddpm_mem{0}, y, GEOMETRY(g)));
      // What is added to the sums: a convolution with weights of zero.
      std::vector<float> none(g.weights());
      auto additions = reference::conv2d(g, x, none, with_bias ? bias : std::vector<float>{},
                                         with_image_bias ? image_bias : std::vector<float>{},
                                         with_residual ? residual : std::vector<float>{});
      auto truth = reference::conv2d<double>(g, as<double>(x), as<double>(w), {}, {}, {});
      auto magnitude = reference::winograd(g, m, as<double>(x), as<double>(w), true);
      auto plain = reference::winograd(g, m, x, w, false);
      for (size_t i = 0; i < truth.size(); ++i) {
        truth[i] += additions[i];
        plain[i] += additions[i];
        magnitude[i] += 3 * std::abs(additions[i]) + 3;
      }
      check_close(y.get(), truth, plain, name_of(m));
      CHECK(within_bound(y.get(), truth, magnitude, g.c));
    }
  }
}

TEST(the_gradient_by_the_input_is_close) {
  for (int m : {2, 4}) {
    Algorithm algorithm(name_of(m));
    for (const Window& g : windows(random, 30, 50)) {
      auto w = normal(random, g.weights()), dy = normal(random, g.output()), bias = normal(random, g.c);
      Array w_in(w), dy_in(dy), bias_in(bias), dx(g.input()), dx_with_bias(g.input());
      OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
      auto truth = reference::conv2d_backward_input(g, as<double>(dy), as<double>(w), {});
      Window back = reference::turned(g);
      auto turned = reference::turned(g, w);
      check_close(dx.get(), truth, reference::winograd(back, m, dy, turned, false), name_of(m));
      CHECK(within_bound(dx.get(), truth, reference::winograd(back, m, as<double>(dy), as<double>(turned), true), g.k));
      OK(ddpm_conv2d_backward_input(dy_in, w_in, bias_in, dx_with_bias, GEOMETRY(g)));
      auto expected = dx.get();
      for (size_t i = 0; i < expected.size(); ++i) expected[i] += bias[i % g.c];
      check_same(dx_with_bias.get(), expected, "dx with bias");
    }
  }
}

/** Windows with tiles enough for the gradient by the weights: one chunk of them, and several in several parts. */
std::vector<Window> windows_of_many_tiles(Random& random) {
  std::vector<Window> all{{5, 20, 23, 16, 40, 3, 3, 1, 1, 1, 1, 1, 1},
                          {70, 4, 4, 17, 33, 3, 3, 1, 1, 1, 1, 1, 1},
                          {2, 38, 37, 70, 21, 3, 3, 1, 1, 1, 1, 1, 1}};
  for (int i = 0; i < 12; ++i) {
    Window g = any_window(random, 50);
    g.n = static_cast<int>(pick(random, 60, 70));
    if (g.h + g.w < 12) all.push_back(g);
  }
  return all;
}

TEST(the_gradient_by_the_weights_is_close) {
  for (int m : {2, 4}) {
    Algorithm algorithm(name_of(m));
    for (const Window& g : windows_of_many_tiles(random)) {
      auto x = normal(random, g.input()), dy = normal(random, g.output());
      auto before = normal(random, g.weights()), before_bias = normal(random, g.k);
      Array x_in(x), dy_in(dy), dw(std::vector<float>(g.weights())), dbias(std::vector<float>(g.k));
      OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, dbias, GEOMETRY(g)));
      auto truth =
          reference::conv2d_backward_weights(g, as<double>(x), as<double>(dy), std::vector<double>(g.weights()));
      check_close(dw.get(), truth, reference::winograd_backward_weights(g, m, x, dy, false), name_of(m));
      int tiles = g.n * ((g.oh() + m - 1) / m) * ((g.ow() + m - 1) / m);
      CHECK(within_bound(dw.get(), truth,
                         reference::winograd_backward_weights(g, m, as<double>(x), as<double>(dy), true), tiles));
      // It adds to what is there.
      Array more(before), more_bias(before_bias);
      OK(ddpm_conv2d_backward_weights(x_in, dy_in, more, more_bias, GEOMETRY(g)));
      auto expected = dw.get(), expected_bias = dbias.get();
      for (size_t i = 0; i < expected.size(); ++i) expected[i] += before[i];
      check_same(more.get(), expected, "added to dw");
      check_close(dbias.get(), reference::bias_gradient(as<double>(dy), std::vector<double>(g.k)),
                  reference::bias_gradient(dy, std::vector<float>(g.k)), "dbias");
      for (int k = 0; k < g.k; ++k) expected_bias[k] += before_bias[k];
      check_close(more_bias.get(), as<double>(expected_bias), expected_bias, "added to dbias");
      Array again(std::vector<float>(g.weights()));
      OK(ddpm_conv2d_backward_weights(x_in, dy_in, again, 0, GEOMETRY(g)));
      check_same(again.get(), dw.get(), "without bias");
    }
  }
}

TEST(the_gradient_by_the_weights_does_not_depend_on_the_threads) {
  int threads = ddpm_threads();
  for (const char* name : {"winograd2", "winograd4", "auto"}) {
    Algorithm algorithm(name);
    for (Window g :
         {Window{17, 16, 16, 140, 133, 3, 3, 1, 1, 1, 1, 1, 1}, Window{40, 13, 11, 20, 24, 3, 3, 1, 1, 0, 2, 1, 1}}) {
      auto x = normal(random, g.input()), dy = normal(random, g.output());
      Array x_in(x), dy_in(dy), dw(std::vector<float>(g.weights())), dbias(std::vector<float>(g.k));
      OK(ddpm_conv2d_backward_weights(x_in, dy_in, dw, dbias, GEOMETRY(g)));
      for (int t : {1, 2, 3, 7}) {
        OK(ddpm_set_threads(t));
        Array again(std::vector<float>(g.weights())), bias_again(std::vector<float>(g.k));
        OK(ddpm_conv2d_backward_weights(x_in, dy_in, again, bias_again, GEOMETRY(g)));
        check_same(again.get(), dw.get(), "dw");
        check_same(bias_again.get(), dbias.get(), "dbias");
      }
      OK(ddpm_set_threads(threads));
    }
  }
}

TEST(the_bound_notices_an_error_of_a_percent) {
  // The bound holds for the worst roundings; it must still be far below what a wrong coefficient does.
  Window g{1, 8, 8, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1};
  auto x = normal(random, g.input()), w = normal(random, g.weights());
  auto truth = reference::conv2d<double>(g, as<double>(x), as<double>(w), {}, {}, {});
  double square = 0;
  for (double t : truth) square += t * t / static_cast<double>(truth.size());
  for (int m : {2, 4}) {
    auto magnitude = reference::winograd(g, m, as<double>(x), as<double>(w), true);
    auto wrong = as<double>(x);
    CHECK(within_bound({truth.begin(), truth.end()}, truth, magnitude, g.c));
    std::vector<float> off(truth.begin(), truth.end());
    off[100] += static_cast<float>(0.01 * std::sqrt(square));
    CHECK(!within_bound(off, truth, magnitude, g.c));
  }
}

TEST(tiles_of_two_are_exact_for_small_whole_numbers) {
  // The transforms halve twice at most, so all their values are small multiples of a fourth.
  Algorithm algorithm("winograd2");
  for (const Window& g : windows(random, 30, 40)) {
    auto x = whole(random, g.input(), 4), w = whole(random, g.weights(), 4), dy = whole(random, g.output(), 4);
    Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dx(g.input());
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    check_same(y.get(), reference::conv2d(g, x, w, {}, {}, {}), "conv2d");
    OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
    check_same(dx.get(), reference::conv2d_backward_input(g, dy, w, {}), "dx");
  }
}

TEST(an_image_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  for (const char* name : {"winograd2", "winograd4", "auto"}) {
    Algorithm algorithm(name);
    // Runs of tiles that span images, and several groups of panels.
    for (Window g :
         {Window{17, 8, 8, 64, 160, 3, 3, 1, 1, 1, 1, 1, 1}, Window{5, 13, 11, 33, 70, 3, 3, 1, 1, 0, 2, 1, 1}}) {
      auto x = normal(random, g.input()), w = normal(random, g.weights()), dy = normal(random, g.output());
      Array x_in(x), w_in(w), dy_in(dy), y(g.output()), dx(g.input());
      OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
      OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx, GEOMETRY(g)));
      auto all = y.get(), all_dx = dx.get();
      for (int t : {1, 2, 3, 7}) {
        OK(ddpm_set_threads(t));
        Array y_again(g.output()), dx_again(g.input());
        OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y_again, GEOMETRY(g)));
        OK(ddpm_conv2d_backward_input(dy_in, w_in, 0, dx_again, GEOMETRY(g)));
        check_same(y_again.get(), all, "y");
        check_same(dx_again.get(), all_dx, "dx");
        Window one = g;
        one.n = 1;
        for (int i = 0; i < g.n; ++i) {
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
}

TEST(infinities_and_nans_stay_in_their_tiles) {
  for (int m : {2, 4}) {
    Algorithm algorithm(name_of(m));
    Window g{2, 12, 12, 33, 40, 3, 3, 1, 1, 1, 1, 1, 1};
    auto x = normal(random, g.input()), w = normal(random, g.weights());
    Array clean_in(x), w_in(w), clean_y(g.output()), y(g.output());
    x[0] = INFINITY;
    x[40] = NAN;
    Array x_in(x);
    OK(ddpm_conv2d(clean_in, w_in, 0, 0, 0, clean_y, GEOMETRY(g)));
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    auto got = y.get(), clean = clean_y.get();
    for (int n = 0; n < g.n; ++n)
      for (int i = 0; i < 144; ++i)
        for (int k = 0; k < g.k; ++k) {
          size_t at = (size_t(n) * 144 + i) * g.k + k;
          bool sees = n == 0 && i / 12 < 2 && i % 12 < 3;  // pixels (0,0) and (0,1) lie in its window
          if (sees) CHECK(!std::isfinite(got[at]));
          if (n == 1 || i / 12 >= m || i % 12 >= 2 * m) CHECK(got[at] == clean[at]);
        }
  }
}

TEST(it_may_write_over_its_residual) {
  Algorithm algorithm("winograd4");
  Window g{2, 9, 9, 32, 48, 3, 3, 1, 1, 1, 1, 1, 1};
  auto x = normal(random, g.input()), w = normal(random, g.weights()), residual = normal(random, g.output());
  Array x_in(x), w_in(w), residual_in(residual), y(g.output());
  OK(ddpm_conv2d(x_in, w_in, 0, 0, residual_in, y, GEOMETRY(g)));
  OK(ddpm_conv2d(x_in, w_in, 0, 0, residual_in, residual_in, GEOMETRY(g)));
  check_same(residual_in.get(), y.get(), "y over residual");
}

TEST(a_table_decides_for_its_shapes) {
  Table table({{8, 8, 64, 40, 2}, {13, 11, 33, 70, 0}, {5, 6, 12, 20, 4}});
  const char* names[] = {"winograd2", "direct", "winograd4"};
  int i = 0;
  for (Window g : {Window{5, 8, 8, 64, 40, 3, 3, 1, 1, 1, 1, 1, 1}, Window{3, 13, 11, 33, 70, 3, 3, 1, 1, 1, 1, 1, 1},
                   Window{4, 5, 6, 12, 20, 3, 3, 1, 1, 1, 1, 1, 1}}) {
    const char* name = names[i++];
    CHECK(std::string(ddpm_convolution_choice(g.h, g.w, g.c, g.k)) == name);
    auto x = normal(random, g.input()), w = normal(random, g.weights());
    Array x_in(x), w_in(w), y(g.output()), expected(g.output());
    OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, y, GEOMETRY(g)));
    {
      Algorithm algorithm(name);
      OK(ddpm_conv2d(x_in, w_in, 0, 0, 0, expected, GEOMETRY(g)));
    }
    check_same(y.get(), expected.get(), name);
    // Whatever the batch.
    Window one = g;
    one.n = 1;
    auto all = y.get();
    for (int image = 0; image < g.n; ++image) {
      Array x_one({x.begin() + image * one.input(), x.begin() + (image + 1) * one.input()}), y_one(one.output());
      OK(ddpm_conv2d(x_one, w_in, 0, 0, 0, y_one, GEOMETRY(one)));
      check_same(y_one.get(), {all.begin() + image * one.output(), all.begin() + (image + 1) * one.output()}, "image");
    }
  }
}

TEST(a_table_says_nothing_about_other_shapes_and_named_algorithms) {
  std::string rule = ddpm_convolution_choice(14, 14, 64, 64);
  Table table({{14, 14, 64, 48, 0}});
  CHECK(ddpm_convolution_choice(14, 14, 64, 48) == std::string("direct"));
  CHECK(ddpm_convolution_choice(14, 14, 48, 64) == rule);
  CHECK(ddpm_convolution_choice(14, 14, 64, 64) == rule);
  Algorithm algorithm("winograd2");
  CHECK(ddpm_convolution_choice(14, 14, 64, 48) == std::string("winograd2"));
}

TEST(tables_that_make_no_sense_are_refused) {
  Table table({{14, 14, 64, 48, 0}});
  const int32_t tile[] = {8, 8, 64, 64, 0, 8, 8, 64, 64, 3}, size[] = {8, 8, 0, 64, 0};
  FAILS(DDPM_INVALID_ARGUMENT, "8 x 8, 64 to 64 channels, tile 3", ddpm_set_convolution_table(tile, 2));
  FAILS(DDPM_INVALID_ARGUMENT, "8 x 8, 0 to 64 channels", ddpm_set_convolution_table(size, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "-1 rows", ddpm_set_convolution_table(tile, -1));
  FAILS(DDPM_INVALID_ARGUMENT, "null", ddpm_set_convolution_table(nullptr, 1));
  CHECK(ddpm_convolution_choice(14, 14, 64, 48) == std::string("direct"));
  OK(ddpm_set_convolution_table(nullptr, 0));
  CHECK(ddpm_convolution_choice(14, 14, 64, 48) != std::string("direct"));
}

TEST(convolutions_are_noted_once_each) {
  Array x(std::vector<float>(400, 1)), w(std::vector<float>(400, 1)), y(400);
  ddpm_note_convolutions();
  for (int n : {1, 2, 1}) {
    OK(ddpm_conv2d(x, w, 0, 0, 0, y, n, 5, 6, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1));
    OK(ddpm_conv2d(x, w, 0, 0, 0, y, n, 5, 6, 3, 4, 1, 1, 1, 1, 0, 0, 0, 0));
    OK(ddpm_conv2d_backward_input(y, w, 0, x, n, 5, 6, 3, 4, 3, 3, 1, 1, 0, 0, 0, 0));
  }
  int32_t rows[8] = {};
  CHECK(ddpm_noted_convolutions(rows, 2) == 2);
  const int32_t expected[] = {5, 6, 3, 4, 5, 6, 4, 3};
  for (int i = 0; i < 8; ++i) CHECK(rows[i] == expected[i]);
  OK(ddpm_conv2d(x, w, 0, 0, 0, y, 1, 5, 6, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1));
  CHECK(ddpm_noted_convolutions(rows, 2) == 0);
}

TEST(algorithms_have_names) {
  CHECK(std::string(ddpm_convolution_algorithm()) == "auto");
  FAILS(DDPM_INVALID_ARGUMENT, "'im2col', expected auto, direct, winograd2 or winograd4",
        ddpm_set_convolution_algorithm("im2col"));
  FAILS(DDPM_INVALID_ARGUMENT, "'null'", ddpm_set_convolution_algorithm(nullptr));
  Algorithm direct("direct");
  CHECK(std::string(ddpm_convolution_algorithm()) == "direct");
}
