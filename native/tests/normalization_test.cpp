// Group normalisation against the defining formula.
#include "reference/normalization.h"

#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Norm;

namespace {

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

Norm any_norm(Random& random) {
  int groups = pick_int(random, 1, 6);
  // With a handful of pixels the deviation may be tiny, and the rounding of the kept mean shows in full.
  return {pick_int(random, 1, 3), pick_int(random, 8, 150), groups * pick_int(random, 1, 9), groups, 1e-5, pick(random, 0, 1) == 1};
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
  Array x(v.x), gamma(v.gamma), beta(v.beta), modulation(or_one(v.modulation)), y(g.size()), statistics(g.n * g.groups * 2);
  OK(ddpm_group_norm(x, gamma, beta, v.modulation.empty() ? ddpm_mem{0} : modulation, y, statistics, g.n, g.pixels, g.c,
                     g.groups, static_cast<float>(g.eps), g.silu));
  return {y.get(), statistics.get()};
}

}  // namespace

TEST(group_norm_is_close) {
  for (int i = 0; i < 40; ++i) {
    Norm g = any_norm(random);
    Values v = values(random, g, pick(random, 0, 1) == 1, i % 4 == 0 ? 1000.0f : 0.0f);
    auto truth = reference::group_norm(g, as<double>(v.x), as<double>(v.gamma), as<double>(v.beta), as<double>(v.modulation));
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

TEST(bad_normalisations_are_refused) {
  Array x(std::vector<float>(24, 1)), parameters(std::vector<float>(6, 1)), y(24), statistics(12);
  FAILS(DDPM_INVALID_ARGUMENT, "groups is 4", ddpm_group_norm(x, parameters, parameters, 0, y, statistics, 1, 4, 6, 4, 1e-5f, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "eps is 0", ddpm_group_norm(x, parameters, parameters, 0, y, statistics, 1, 4, 6, 3, 0, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "gamma must not be null", ddpm_group_norm(x, 0, parameters, 0, y, statistics, 1, 4, 6, 3, 1e-5f, 0));
}
