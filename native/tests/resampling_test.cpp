// Up-sampling and pooling against the obvious loops. Backward passes are the transposes of linear maps: <y, dy> = <x,
// dx>.
#include <cmath>

#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;

namespace {

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

struct Picture {
  int n, h, w, c;
  size_t size() const { return size_t(n) * h * w * c; }
  size_t at(int image, int row, int column, int channel) const {
    return ((size_t(image) * h + row) * w + column) * c + channel;
  }
};

Picture any_picture(Random& random) {
  return {pick_int(random, 1, 3), pick_int(random, 1, 8), pick_int(random, 1, 8), pick_int(random, 1, 35)};
}

/** PyTorch's bilinear interpolation with align_corners=False, scale 2. */
template <class T>
std::vector<T> bilinear(const Picture& p, const std::vector<T>& x) {
  Picture large{p.n, 2 * p.h, 2 * p.w, p.c};
  std::vector<T> y(large.size());
  auto axis = [](int i, int size, int* low, int* high, T* weight) {
    T position = std::max(T(0), (i + T(0.5)) / 2 - T(0.5));
    *low = static_cast<int>(position);
    *high = std::min(*low + 1, size - 1);
    *weight = position - *low;
  };
  for (int n = 0; n < p.n; ++n)
    for (int i = 0; i < large.h; ++i)
      for (int j = 0; j < large.w; ++j)
        for (int c = 0; c < p.c; ++c) {
          int top, bottom, left, right;
          T v, h;
          axis(i, p.h, &top, &bottom, &v);
          axis(j, p.w, &left, &right, &h);
          y[large.at(n, i, j, c)] = (1 - v) * ((1 - h) * x[p.at(n, top, left, c)] + h * x[p.at(n, top, right, c)]) +
                                    v * ((1 - h) * x[p.at(n, bottom, left, c)] + h * x[p.at(n, bottom, right, c)]);
        }
  return y;
}

struct Pool {
  Picture in;
  int r = 1, s = 1, stride_h = 1, stride_w = 1, top = 0, left = 0, bottom = 0, right = 0;
  Picture out() const {
    return {in.n, (in.h + top + bottom - r) / stride_h + 1, (in.w + left + right - s) / stride_w + 1, in.c};
  }
};

#define POOL(p) p.in.n, p.in.h, p.in.w, p.in.c, p.r, p.s, p.stride_h, p.stride_w, p.top, p.left, p.bottom, p.right

Pool any_pool(Random& random) {
  for (;;) {
    Pool p;
    p.in = any_picture(random);
    p.r = pick_int(random, 1, 4);
    p.s = pick_int(random, 1, 4);
    p.stride_h = pick_int(random, 1, 3);
    p.stride_w = pick_int(random, 1, 3);
    p.top = pick_int(random, 0, p.r - 1);
    p.left = pick_int(random, 0, p.s - 1);
    p.bottom = pick_int(random, 0, p.r - 1);
    p.right = pick_int(random, 0, p.s - 1);
    bool fits = p.in.h + p.top + p.bottom >= p.r && p.in.w + p.left + p.right >= p.s;
    if (fits) return p;
  }
}

/**
 * Calls visit(output index, input index) for every pixel of every window, and count(output index, padded window size).
 */
template <class Visit, class Count>
void for_windows(const Pool& p, const Visit& visit, const Count& count) {
  Picture out = p.out();
  for (int n = 0; n < out.n; ++n)
    for (int i = 0; i < out.h; ++i)
      for (int j = 0; j < out.w; ++j)
        for (int c = 0; c < out.c; ++c) {
          int padded = 0;
          for (int r = 0; r < p.r; ++r)
            for (int s = 0; s < p.s; ++s) {
              int h = i * p.stride_h - p.top + r, w = j * p.stride_w - p.left + s;
              if (h < p.in.h + p.bottom && w < p.in.w + p.right) ++padded;
              if (h >= 0 && h < p.in.h && w >= 0 && w < p.in.w) visit(out.at(n, i, j, c), p.in.at(n, h, w, c));
            }
          count(out.at(n, i, j, c), padded);
        }
}

double dot(const std::vector<float>& a, const std::vector<float>& b) { return reference::dot(as<double>(a), b); }

}  // namespace

TEST(nearest_repeats_pixels_and_its_gradient_adds_them_up) {
  for (int i = 0; i < 20; ++i) {
    Picture p = any_picture(random), large{p.n, 2 * p.h, 2 * p.w, p.c};
    auto x = whole(random, p.size(), 9), dy = whole(random, large.size(), 9);
    Array x_in(x), dy_in(dy), y(large.size()), dx(p.size());
    OK(ddpm_upsample_nearest(x_in, y, p.n, p.h, p.w, p.c));
    OK(ddpm_upsample_nearest_backward(dy_in, dx, p.n, p.h, p.w, p.c));
    std::vector<float> up(large.size()), down(p.size());
    for (int n = 0; n < p.n; ++n)
      for (int h = 0; h < large.h; ++h)
        for (int w = 0; w < large.w; ++w)
          for (int c = 0; c < p.c; ++c) {
            up[large.at(n, h, w, c)] = x[p.at(n, h / 2, w / 2, c)];
            down[p.at(n, h / 2, w / 2, c)] += dy[large.at(n, h, w, c)];
          }
    check_same(y.get(), up, "y");
    check_same(dx.get(), down, "dx");
  }
}

TEST(bilinear_is_close_and_its_gradient_is_the_transpose) {
  for (int i = 0; i < 20; ++i) {
    Picture p = any_picture(random);
    // Multiples of 16 stay exact through weights of sixteenths.
    auto x = whole(random, p.size(), 9), dy = whole(random, p.size() * 4, 9);
    for (float& v : x) v *= 16;
    for (float& v : dy) v *= 16;
    Array x_in(x), dy_in(dy), y(p.size() * 4), dx(p.size());
    OK(ddpm_upsample_bilinear(x_in, y, p.n, p.h, p.w, p.c));
    check_same(y.get(), bilinear(p, x), "y");
    OK(ddpm_upsample_bilinear_backward(dy_in, dx, p.n, p.h, p.w, p.c));
    CHECK(dot(y.get(), dy) == dot(x, dx.get()));
  }
}

TEST(max_pool_takes_the_first_maximum) {
  for (int i = 0; i < 40; ++i) {
    Pool p = any_pool(random);
    auto x = whole(random, p.in.size(), 3), dy = whole(random, p.out().size(), 9);
    Array x_in(x), dy_in(dy), y(p.out().size()), dx(p.in.size());
    OK(ddpm_max_pool(x_in, y, POOL(p)));
    OK(ddpm_max_pool_backward(x_in, dy_in, dx, POOL(p)));
    std::vector<float> best(p.out().size(), -INFINITY), gradient(p.in.size());
    std::vector<size_t> where(best.size());
    for_windows(
        p,
        [&](size_t o, size_t in) {
          if (x[in] > best[o]) best[o] = x[where[o] = in];
        },
        [](size_t, int) {});
    for (size_t o = 0; o < best.size(); ++o) gradient[where[o]] += dy[o];
    check_same(y.get(), best, "y");
    check_same(dx.get(), gradient, "dx");
  }
}

TEST(average_pool_counts_padding_or_not) {
  for (int i = 0; i < 40; ++i) {
    Pool p = any_pool(random);
    int count_padding = pick_int(random, 0, 1);
    auto x = normal(random, p.in.size()), dy = normal(random, p.out().size());
    Array x_in(x), dy_in(dy), y(p.out().size()), dx(p.in.size());
    OK(ddpm_average_pool(x_in, y, POOL(p), count_padding));
    std::vector<double> truth(p.out().size()), gradient(p.in.size()), counts(truth.size());
    std::vector<float> plain(truth.size()), plain_gradient(p.in.size());
    for_windows(
        p,
        [&](size_t o, size_t in) {
          truth[o] += x[in];
          plain[o] += x[in];
          counts[o] += 1;
        },
        [&](size_t o, int padded) {
          if (count_padding) counts[o] = padded;
        });
    for (size_t o = 0; o < truth.size(); ++o) {
      truth[o] /= counts[o];
      plain[o] /= static_cast<float>(counts[o]);
    }
    for_windows(
        p,
        [&](size_t o, size_t in) {
          gradient[in] += dy[o] / counts[o];
          plain_gradient[in] += dy[o] / static_cast<float>(counts[o]);
        },
        [](size_t, int) {});
    check_close(y.get(), truth, plain, "y");
    OK(ddpm_average_pool_backward(dy_in, dx, POOL(p), count_padding));
    check_close(dx.get(), gradient, plain_gradient, "dx");
  }
}

TEST(max_pool_passes_nan_on) {
  for (size_t at = 0; at < 4; ++at) {
    std::vector<float> values = {1, 4, 3, 2};
    values[at] = NAN;
    Array x(values), y(1);
    OK(ddpm_max_pool(x, y, 1, 2, 2, 1, 2, 2, 2, 2, 0, 0, 0, 0));
    CHECK(std::isnan(y.get()[0]));
  }
}

TEST(max_pool_gradient_goes_to_the_first_maximum_or_the_last_nan) {
  // In PyTorch's order a NaN takes the place of whatever comes before it.
  Array x({1, NAN, NAN, 2, 5, 5, 4, 5}), dy({10, 20}), dx(8);
  OK(ddpm_max_pool_backward(x, dy, dx, 1, 1, 8, 1, 1, 4, 1, 4, 0, 0, 0, 0));
  check_same(dx.get(), {0, 0, 10, 0, 20, 0, 0, 0}, "dx");
}

TEST(a_picture_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  Pool p{{3, 9, 7, 37}, 3, 3, 2, 1, 1, 1, 1, 1}, one = p;
  one.in.n = 1;
  Picture large{3, 18, 14, 37};
  auto x = normal(random, p.in.size()), dy = normal(random, p.out().size()), large_dy = normal(random, large.size());
  auto run = [&](const Pool& g, int first) {
    auto part = [&](const std::vector<float>& all) {
      size_t size = all.size() / 3;
      return std::vector<float>(all.begin() + first * size, all.begin() + (first + g.in.n) * size);
    };
    Array x_in(part(x)), dy_in(part(dy)), large_in(part(large_dy));
    Array max(g.out().size()), mean(g.out().size()), max_dx(g.in.size()), mean_dx(g.in.size());
    Array up(g.in.size() * 4), up_dx(g.in.size()), near_dx(g.in.size());
    OK(ddpm_max_pool(x_in, max, POOL(g)));
    OK(ddpm_max_pool_backward(x_in, dy_in, max_dx, POOL(g)));
    OK(ddpm_average_pool(x_in, mean, POOL(g), 0));
    OK(ddpm_average_pool_backward(dy_in, mean_dx, POOL(g), 0));
    OK(ddpm_upsample_bilinear(x_in, up, g.in.n, g.in.h, g.in.w, g.in.c));
    OK(ddpm_upsample_bilinear_backward(large_in, up_dx, g.in.n, g.in.h, g.in.w, g.in.c));
    OK(ddpm_upsample_nearest_backward(large_in, near_dx, g.in.n, g.in.h, g.in.w, g.in.c));
    return std::vector<std::vector<float>>{max.get(), max_dx.get(), mean.get(),   mean_dx.get(),
                                           up.get(),  up_dx.get(),  near_dx.get()};
  };
  auto all = run(p, 0);
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    auto again = run(p, 0);
    for (size_t i = 0; i < all.size(); ++i) check_same(again[i], all[i], "batch");
    for (int n = 0; n < 3; ++n) {
      auto alone = run(one, n);
      for (size_t i = 0; i < all.size(); ++i)
        check_same(alone[i], {all[i].begin() + n * alone[i].size(), all[i].begin() + (n + 1) * alone[i].size()},
                   "picture");
    }
  }
  OK(ddpm_set_threads(threads));
}

TEST(bad_pools_are_refused) {
  Array x(std::vector<float>(16, 1)), y(16);
  FAILS(DDPM_INVALID_ARGUMENT, "padding is 2", ddpm_max_pool(x, y, 1, 4, 4, 1, 2, 2, 2, 2, 2, 0, 0, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "stride_w is 0", ddpm_average_pool(x, y, 1, 4, 4, 1, 2, 2, 2, 0, 0, 0, 0, 0, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "dimension of 0", ddpm_upsample_nearest(x, y, 1, 0, 4, 1));
}
