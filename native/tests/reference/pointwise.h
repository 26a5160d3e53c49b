#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

/** Element-wise ops, obvious and slow, over double (the truth) or float (what a plain implementation gives). */
namespace ddpm::test::reference {

template <class T>
std::vector<T> silu(const std::vector<T>& x) {
  std::vector<T> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
  return y;
}

template <class T>
std::vector<T> silu_backward(const std::vector<T>& x, const std::vector<T>& dy) {
  std::vector<T> dx(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    T s = 1 / (1 + std::exp(-x[i]));
    dx[i] = dy[i] * s * (1 + x[i] * (1 - s));
  }
  return dx;
}

template <class T>
std::vector<T> relu(const std::vector<T>& x) {
  std::vector<T> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] < 0 ? 0 : x[i];
  return y;
}

/** Sum of products: a scalar loss whose gradient by values is weights. */
inline double dot(const std::vector<double>& values, const std::vector<float>& weights) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += values[i] * weights[i];
  return sum;
}

}  // namespace ddpm::test::reference
