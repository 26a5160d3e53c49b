// Group normalisation against the defining formula.
#include "reference/normalization.h"

#include <cmath>

#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Norm;

namespace {

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

Norm any_norm(Random& random) {
  int groups = pick_int(random, 1, 6);
  // With a handful of pixels the deviation may be tiny, and the rounding of the kept mean shows in full.
  return {pick_int(random, 1, 3), pick_int(random, 8, 150), groups * pick_int(random, 1, 9), groups, 1e-5,
          pick(random, 0, 1) == 1};
}

struct Values {
  std::vector<float> x, gamma, beta, modulation, dy;
};

Values values(Random& random, const Norm& g, bool modulated, float mean = 0) {
  return {normal(random, g.size(), 2, mean), normal(random, g.c, 0.3f, 1), normal(random, g.c, 0.3f),
          modulated ? normal(random, g.n * 2 * g.c, 0.3f) : std::vector<float>{}, normal(random, g.size())};
}

struct Result {
  std::vector<float> y, statistics;
};

/** An array of values, or of one number that stands for none. */
std::vector<float> or_one(const std::vector<float>& values) { return values.empty() ? std::vector<float>{0} : values; }

Result run(const Norm& g, const Values& v) {
  Array x(v.x), gamma(v.gamma), beta(v.beta), modulation(or_one(v.modulation));
  Array y(g.size()), statistics(g.n * g.groups * 2);
  OK(ddpm_group_norm(x, gamma, beta, v.modulation.empty() ? ddpm_mem{0} : modulation, y, statistics, g.n, g.pixels, g.c,
                     g.groups, static_cast<float>(g.eps), g.silu));
  return {y.get(), statistics.get()};
}

}  // namespace

TEST(group_norm_is_close) {
  for (int i = 0; i < 40; ++i) {
    Norm g = any_norm(random);
    Values v = values(random, g, pick(random, 0, 1) == 1, i % 4 == 0 ? 1000.0f : 0.0f);
    auto truth =
        reference::group_norm(g, as<double>(v.x), as<double>(v.gamma), as<double>(v.beta), as<double>(v.modulation));
    check_close(run(g, v).y, truth, reference::group_norm(g, v.x, v.gamma, v.beta, v.modulation), "y");
  }
}

TEST(group_norm_of_equal_values_is_its_bias) {
  Norm g{1, 20, 6, 3, 1e-5, false};
  Values v = values(random, g, false);
  v.x.assign(g.size(), 7.25f);
  auto y = run(g, v).y;
  for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == v.beta[i % 6]);
}

TEST(group_norm_gradients_are_close) {
  for (int i = 0; i < 40; ++i) {
    Norm g = any_norm(random);
    bool modulated = pick(random, 0, 1) == 1;
    Values v = values(random, g, modulated);
    Array x(v.x), gamma(v.gamma), beta(v.beta), modulation(or_one(v.modulation)), dy(v.dy), dx(g.size());
    Array statistics(run(g, v).statistics), dgamma(std::vector<float>(g.c, 0.0f)), dbeta(std::vector<float>(g.c, 0.0f));
    Array dmodulation(static_cast<int64_t>(g.n) * 2 * g.c);
    OK(ddpm_group_norm_backward(x, gamma, beta, modulated ? modulation : ddpm_mem{0}, statistics, dy, dx, dgamma, dbeta,
                                modulated ? dmodulation : ddpm_mem{0}, g.n, g.pixels, g.c, g.groups, g.silu));
    auto truth = reference::group_norm_backward(g, as<double>(v.x), as<double>(v.gamma), as<double>(v.beta),
                                                as<double>(v.modulation), as<double>(v.dy));
    auto plain = reference::group_norm_backward(g, v.x, v.gamma, v.beta, v.modulation, v.dy);
    check_close(dx.get(), truth.dx, plain.dx, "dx");
    check_close(dgamma.get(), truth.dgamma, plain.dgamma, "dgamma");
    check_close(dbeta.get(), truth.dbeta, plain.dbeta, "dbeta");
    if (modulated) check_close(dmodulation.get(), truth.dmodulation, plain.dmodulation, "dmodulation");
    check_gradient(
        random, dx.get(), as<double>(v.x),
        [&](const std::vector<double>& at) {
          return reference::dot(
              reference::group_norm(g, at, as<double>(v.gamma), as<double>(v.beta), as<double>(v.modulation)), v.dy);
        },
        "dx");
  }
}

TEST(group_norm_keeps_its_digits_beside_outliers_and_at_any_scale) {
  // A first pixel far from the rest; squares that float32 cannot hold; many pixels, in several chunks.
  Norm g{1, 2000, 6, 2, 1e-5, false};
  for (int i = 0; i < 3; ++i) {
    Values v = values(random, g, false, i == 2 ? 1e4f : 0.0f);
    for (size_t c = 0; c < 6 && i == 0; ++c) v.x[c] = 1000;
    for (float& x : v.x) x *= i == 1 ? 1e25f : 1;
    Result got = run(g, v);
    // Plain float32 overflows at 1e25: the bound there is the roundings of the largest value alone.
    check_close(got.y, reference::group_norm<double>(g, as<double>(v.x), as<double>(v.gamma), as<double>(v.beta), {}),
                i == 1 ? got.y : reference::group_norm<float>(g, v.x, v.gamma, v.beta, {}), "y");
  }
}

TEST(group_norm_works_in_place) {
  for (int i = 0; i < 10; ++i) {
    Norm g = any_norm(random);
    Values v = values(random, g, false);
    Result expected = run(g, v);
    Array x(v.x), gamma(v.gamma), beta(v.beta), statistics(g.n * g.groups * 2), dy(v.dy), dx(g.size());
    Array dgamma(std::vector<float>(g.c, 0.0f)), dbeta(std::vector<float>(g.c, 0.0f));
    OK(ddpm_group_norm(x, gamma, beta, 0, x, statistics, g.n, g.pixels, g.c, g.groups, 1e-5f, g.silu));
    check_same(x.get(), expected.y, "y over x");
    Array kept(v.x);
    for (ddpm_mem target : {ddpm_mem{dx}, ddpm_mem{dy}})
      OK(ddpm_group_norm_backward(kept, gamma, beta, 0, statistics, dy, target, dgamma, dbeta, 0, g.n, g.pixels, g.c,
                                  g.groups, g.silu));
    check_same(dy.get(), dx.get(), "dx over dy");
  }
}

TEST(group_norm_has_the_same_bits_however_its_chunks_are_shared_out) {
  // Three images of several chunks each: on one and three threads a task takes an image, on two a chunk.
  int threads = ddpm_threads();
  for (bool silu : {false, true}) {
    Norm g{3, 1500, 20, 5, 1e-5, silu};
    Values v = values(random, g, true);
    std::vector<std::vector<float>> first;
    for (int t : {1, 2, 3}) {
      OK(ddpm_set_threads(t));
      Result forward = run(g, v);
      Array x(v.x), gamma(v.gamma), beta(v.beta), modulation(v.modulation), statistics(forward.statistics), dy(v.dy);
      Array dx(g.size()), dgamma(std::vector<float>(g.c, 0.0f)), dbeta(std::vector<float>(g.c, 0.0f));
      Array dmodulation(static_cast<int64_t>(g.n) * 2 * g.c);
      OK(ddpm_group_norm_backward(x, gamma, beta, modulation, statistics, dy, dx, dgamma, dbeta, dmodulation, g.n,
                                  g.pixels, g.c, g.groups, g.silu));
      std::vector<std::vector<float>> all = {forward.y,    forward.statistics, dx.get(),
                                             dgamma.get(), dbeta.get(),        dmodulation.get()};
      if (first.empty()) first = all;
      for (size_t i = 0; i < all.size(); ++i) check_same(all[i], first[i], "result");
    }
  }
  OK(ddpm_set_threads(threads));
}

TEST(an_image_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  Norm g{5, 50, 24, 8, 1e-5, true}, one = g;
  one.n = 1;
  Values v = values(random, g, false);
  auto all = run(g, v).y;
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    for (int i = 0; i < g.n; ++i) {
      Values part = v;
      part.x.assign(v.x.begin() + i * one.size(), v.x.begin() + (i + 1) * one.size());
      check_same(run(one, part).y, {all.begin() + i * one.size(), all.begin() + (i + 1) * one.size()}, "image of y");
    }
  }
  OK(ddpm_set_threads(threads));
}

TEST(group_norm_passes_nan_on_within_its_group) {
  Norm g{1, 20, 6, 3, 1e-5, true};
  Values v = values(random, g, false);
  v.x[2] = NAN;
  auto y = run(g, v).y;
  for (size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i % 6 / 2 == 1));
}

TEST(bad_normalisations_are_refused) {
  Array x(std::vector<float>(24, 1)), p(std::vector<float>(6, 1)), y(24), statistics(12), dgamma(6), dbeta(6);
  auto forward = [&](ddpm_mem gamma, ddpm_mem target, int groups, float eps) {
    return ddpm_group_norm(x, gamma, p, 0, target, statistics, 1, 3, 6, groups, eps, 0);
  };
  FAILS(DDPM_INVALID_ARGUMENT, "groups is 4", forward(p, y, 4, 1e-5f));
  FAILS(DDPM_INVALID_ARGUMENT, "groups is 0", forward(p, y, 0, 1e-5f));
  FAILS(DDPM_INVALID_ARGUMENT, "eps is 0", forward(p, y, 3, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "eps is inf", forward(p, y, 3, INFINITY));
  FAILS(DDPM_INVALID_ARGUMENT, "gamma must not be null", forward(0, y, 3, 1e-5f));
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps x", forward(p, x + 4, 3, 1e-5f));
  auto backward = [&](ddpm_mem gamma_gradient, ddpm_mem dmodulation) {
    return ddpm_group_norm_backward(x, p, p, 0, statistics, x, y, gamma_gradient, dbeta, dmodulation, 1, 4, 6, 3, 0);
  };
  FAILS(DDPM_INVALID_ARGUMENT, "must both be null", backward(dgamma, y));
  FAILS(DDPM_INVALID_ARGUMENT, "dgamma overlaps gamma", backward(p, 0));
}
