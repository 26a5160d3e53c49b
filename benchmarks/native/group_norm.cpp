// Group normalisation with SiLU and its gradient.
#include <string>
#include <vector>

#include "ops.h"
#include "reference/normalization.h"

namespace ddpm::bench {
namespace {

using test::reference::Norm;
namespace reference = test::reference;

/** Operations an element: mean and variance 4, normalisation 3, sigmoid and product some 8; as many again and more. */
constexpr double kFlop = 15, kBackwardFlop = 30;

struct GroupNorm {
  explicit GroupNorm(const Norm& norm)
      : g(norm),
        x(random_floats(g.size())),
        dy(random_floats(g.size())),
        gamma(random_floats(size_t(g.c))),
        beta(random_floats(size_t(g.c))),
        x_in(x),
        dy_in(dy),
        gamma_in(gamma),
        beta_in(beta),
        y(g.size()),
        dx(g.size()),
        statistics(size_t(g.n) * g.groups * 2),
        dgamma(size_t(g.c)),
        dbeta(size_t(g.c)) {}

  void forward() const {
    ok(ddpm_group_norm(x_in, gamma_in, beta_in, 0, y, statistics, g.n, g.pixels, g.c, g.groups,
                       static_cast<float>(g.eps), g.silu));
  }
  void backward() const {
    ok(ddpm_group_norm_backward(x_in, gamma_in, beta_in, 0, statistics, dy_in, dx, dgamma, dbeta, 0, g.n, g.pixels, g.c,
                                g.groups, g.silu));
  }

  Norm g;
  Floats x, dy, gamma, beta;
  Buffer x_in, dy_in, gamma_in, beta_in, y, dx, statistics, dgamma, dbeta;
};

void bench_norm(Bench& bench, const std::string& shape, const Norm& g) {
  bool forward = bench.wants("group_norm", shape), backward = bench.wants("group_norm_backward", shape);
  if (!forward && !backward) return;
  GroupNorm norm(g);
  norm.forward();
  if (bench.checks()) {
    std::vector<double> none, x = doubles(norm.x), gamma = doubles(norm.gamma), beta = doubles(norm.beta);
    bench.check("group_norm", norm.y.get(), reference::group_norm(g, x, gamma, beta, none),
                reference::group_norm(g, norm.x, norm.gamma, norm.beta, {}));
    if (backward) {
      norm.backward();
      auto truth = reference::group_norm_backward(g, x, gamma, beta, none, doubles(norm.dy));
      auto plain = reference::group_norm_backward(g, norm.x, norm.gamma, norm.beta, {}, norm.dy);
      bench.check("dx", norm.dx.get(), truth.dx, plain.dx);
      bench.check("dgamma", norm.dgamma.get(), truth.dgamma, plain.dgamma);
      bench.check("dbeta", norm.dbeta.get(), truth.dbeta, plain.dbeta);
    }
  }
  // x to y; x and dy to dx.
  double elements = static_cast<double>(g.size());
  if (forward) bench.measure("group_norm", shape, {kFlop * elements, 8 * elements}, [&] { norm.forward(); });
  if (backward)
    bench.measure("group_norm_backward", shape, {kBackwardFlop * elements, 12 * elements}, [&] { norm.backward(); });
}

}  // namespace

void bench_group_norm(Bench& bench) {
  for_shapes(bench.options(), "group_norm.txt", 5, [&](const std::string& name, const std::vector<int>& v) {
    bench_norm(bench, name, {v[0], v[1] * v[2], v[3], v[4], 1e-5, true});
  });
}

}  // namespace ddpm::bench
