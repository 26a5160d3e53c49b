#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

/**
 * Group normalisation and its gradients, obvious and slow, over double (the truth) or float (a plain implementation).
 */
namespace ddpm::test::reference {

struct Norm {
  int n, pixels, c, groups;
  double eps;
  bool silu;

  size_t size() const { return size_t(n) * pixels * c; }
  int per_group() const { return c / groups; }
};

template <class T>
struct Moments {
  T mean, rstd;
};

template <class T>
Moments<T> moments(const Norm& g, const std::vector<T>& x, int image, int group) {
  T sum = 0, squares = 0, count = T(g.pixels) * g.per_group();
  auto each = [&](auto visit) {
    for (int p = 0; p < g.pixels; ++p)
      for (int c = group * g.per_group(); c < (group + 1) * g.per_group(); ++c)
        visit(x[(size_t(image) * g.pixels + p) * g.c + c]);
  };
  each([&](T v) { sum += v; });
  T mean = sum / count;
  each([&](T v) { squares += (v - mean) * (v - mean); });
  return {mean, 1 / std::sqrt(squares / count + T(g.eps))};
}

/** The value that SiLU sees, for one element, given its normalised value. */
template <class T>
T affine(const Norm& g, T xhat, const std::vector<T>& gamma, const std::vector<T>& beta,
         const std::vector<T>& modulation, int image, int c) {
  T v = xhat * gamma[c] + beta[c];
  if (modulation.empty()) return v;
  return v * (1 + modulation[size_t(image) * 2 * g.c + c]) + modulation[size_t(image) * 2 * g.c + g.c + c];
}

template <class T>
std::vector<T> group_norm(const Norm& g, const std::vector<T>& x, const std::vector<T>& gamma,
                          const std::vector<T>& beta, const std::vector<T>& modulation) {
  std::vector<T> y(g.size());
  for (int n = 0; n < g.n; ++n)
    for (int group = 0; group < g.groups; ++group) {
      Moments<T> m = moments(g, x, n, group);
      for (int p = 0; p < g.pixels; ++p)
        for (int c = group * g.per_group(); c < (group + 1) * g.per_group(); ++c) {
          size_t at = (size_t(n) * g.pixels + p) * g.c + c;
          T v = affine(g, (x[at] - m.mean) * m.rstd, gamma, beta, modulation, n, c);
          y[at] = g.silu ? v / (1 + std::exp(-v)) : v;
        }
    }
  return y;
}

template <class T>
struct NormGradients {
  std::vector<T> dx, dgamma, dbeta, dmodulation;
};

template <class T>
NormGradients<T> group_norm_backward(const Norm& g, const std::vector<T>& x, const std::vector<T>& gamma,
                                     const std::vector<T>& beta, const std::vector<T>& modulation,
                                     const std::vector<T>& dy) {
  NormGradients<T> out{std::vector<T>(g.size()), std::vector<T>(g.c), std::vector<T>(g.c),
                       std::vector<T>(modulation.size())};
  for (int n = 0; n < g.n; ++n)
    for (int group = 0; group < g.groups; ++group) {
      Moments<T> m = moments(g, x, n, group);
      T sum = 0, sum_xhat = 0, count = T(g.pixels) * g.per_group();
      // First the gradients by the parameters and the group's sums, then dx.
      for (int pass = 0; pass < 2; ++pass)
        for (int p = 0; p < g.pixels; ++p)
          for (int c = group * g.per_group(); c < (group + 1) * g.per_group(); ++c) {
            size_t at = (size_t(n) * g.pixels + p) * g.c + c;
            T xhat = (x[at] - m.mean) * m.rstd, v = affine(g, xhat, gamma, beta, modulation, n, c), dv = dy[at];
            if (g.silu) {
              T s = 1 / (1 + std::exp(-v));
              dv *= s * (1 + v * (1 - s));
            }
            T scale = modulation.empty() ? T(1) : 1 + modulation[size_t(n) * 2 * g.c + c];
            T dxhat = dv * scale * gamma[c];
            if (pass == 0) {
              sum += dxhat;
              sum_xhat += dxhat * xhat;
              out.dgamma[c] += dv * scale * xhat;
              out.dbeta[c] += dv * scale;
              if (!modulation.empty()) {
                out.dmodulation[size_t(n) * 2 * g.c + c] += dv * (xhat * gamma[c] + beta[c]);
                out.dmodulation[size_t(n) * 2 * g.c + g.c + c] += dv;
              }
            } else {
              out.dx[at] = m.rstd * (dxhat - sum / count - xhat * sum_xhat / count);
            }
          }
    }
  return out;
}

}  // namespace ddpm::test::reference
