#pragma once
#include <cmath>
#include <vector>

#include "reference/convolution.h"

/** Winograd's convolution by its defining matrices: what it is in plain float32, and how far roundings can add up. */
namespace ddpm::test::reference {

/** B', G and A' for tiles of m outputs: a polynomial product at points and at infinity. */
struct WinogradMatrices {
  int m, tile;
  std::vector<std::vector<double>> input, weights, output;

  explicit WinogradMatrices(int outputs) : m(outputs), tile(outputs + 2) {
    std::vector<double> points =
        m == 2 ? std::vector<double>{0, 1, -1} : std::vector<double>{0, .625, -.625, 1.5, -1.5};
    output.assign(m, std::vector<double>(tile));
    for (double p : points) {
      // The product of (x - q) over the other points, and its value at p.
      std::vector<double> others{1};
      double value = 1;
      for (double q : points)
        if (q != p) {
          others.push_back(0);
          for (size_t i = others.size() - 1; i > 0; --i) others[i] = others[i - 1] - q * others[i];
          others[0] *= -q;
          value *= p - q;
        }
      others.push_back(0);
      for (int i = 0; i < m; ++i) output[i][input.size()] = std::pow(p, i);
      input.push_back(others);
      weights.push_back({1 / value, p / value, p * p / value});
    }
    std::vector<double> all{1};
    for (double q : points) {
      all.push_back(0);
      for (size_t i = all.size() - 1; i > 0; --i) all[i] = all[i - 1] - q * all[i];
      all[0] *= -q;
    }
    input.push_back(all);
    weights.push_back({0, 0, 1});
    output[m - 1][tile - 1] = 1;
  }
};

/** y = matrix x matrix' for a square x, or with the absolute values of the matrix's elements. */
template <class T>
std::vector<T> sandwich(const std::vector<std::vector<double>>& matrix, const std::vector<T>& x, bool absolute) {
  size_t rows = matrix.size(), columns = matrix[0].size();
  auto at = [&](size_t i, size_t j) { return static_cast<T>(absolute ? std::abs(matrix[i][j]) : matrix[i][j]); };
  std::vector<T> half(rows * columns), y(rows * rows);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j)
      for (size_t l = 0; l < columns; ++l) half[i * columns + j] += at(i, l) * x[l * columns + j];
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rows; ++j)
      for (size_t l = 0; l < columns; ++l) y[i * rows + j] += half[i * columns + l] * at(j, l);
  return y;
}

/** The transformed inputs of a tile whose outputs begin at a row and column, by channel. */
template <class T>
std::vector<std::vector<T>> transformed_inputs(const Window& g, const WinogradMatrices& matrices,
                                               const std::vector<T>& x, int n, int top, int left, bool absolute) {
  std::vector<std::vector<T>> v;
  for (int c = 0; c < g.c; ++c) {
    std::vector<T> window(size_t(matrices.tile) * matrices.tile);
    for (size_t i = 0; i < window.size(); ++i) {
      int h = top - g.top + static_cast<int>(i) / matrices.tile,
          s = left - g.left + static_cast<int>(i) % matrices.tile;
      if (h < 0 || h >= g.h || s < 0 || s >= g.w) continue;
      T value = x[((size_t(n) * g.h + h) * g.w + s) * g.c + c];
      window[i] = absolute ? std::abs(value) : value;
    }
    v.push_back(sandwich(matrices.input, window, absolute));
  }
  return v;
}

/** The convolution, or with the absolute values of all operands and matrices, what its rounding errors are relative to.
 */
template <class T>
std::vector<T> winograd(const Window& g, int m, const std::vector<T>& x, const std::vector<T>& w, bool absolute) {
  WinogradMatrices matrices(m);
  size_t positions = size_t(matrices.tile) * matrices.tile;
  auto value = [&](T v) { return absolute ? std::abs(v) : v; };
  std::vector<T> u(size_t(g.k) * g.c * positions), y(g.output());
  for (int k = 0; k < g.k; ++k)
    for (int c = 0; c < g.c; ++c) {
      std::vector<T> taps(9);
      for (int t = 0; t < 9; ++t) taps[t] = value(w[(size_t(k) * 9 + t) * g.c + c]);
      auto transformed = sandwich(matrices.weights, taps, absolute);
      std::copy(transformed.begin(), transformed.end(), u.begin() + (size_t(k) * g.c + c) * positions);
    }
  for (int n = 0; n < g.n; ++n)
    for (int top = 0; top < g.oh(); top += m)
      for (int left = 0; left < g.ow(); left += m) {
        auto v = transformed_inputs(g, matrices, x, n, top, left, absolute);
        for (int k = 0; k < g.k; ++k) {
          std::vector<T> sums(positions);
          for (int c = 0; c < g.c; ++c)
            for (size_t i = 0; i < positions; ++i) sums[i] += v[c][i] * u[(size_t(k) * g.c + c) * positions + i];
          auto outputs = sandwich(matrices.output, sums, absolute);
          for (int i = 0; i < m && top + i < g.oh(); ++i)
            for (int j = 0; j < m && left + j < g.ow(); ++j)
              y[((size_t(n) * g.oh() + top + i) * g.ow() + left + j) * g.k + k] = outputs[i * m + j];
        }
      }
  return y;
}

/** matrix' x matrix for a square x, or with the absolute values of the matrix's elements. */
template <class T>
std::vector<T> adjoint_sandwich(const std::vector<std::vector<double>>& matrix, const std::vector<T>& x,
                                bool absolute) {
  std::vector<std::vector<double>> transposed(matrix[0].size(), std::vector<double>(matrix.size()));
  for (size_t i = 0; i < matrix.size(); ++i)
    for (size_t j = 0; j < matrix[0].size(); ++j) transposed[j][i] = matrix[i][j];
  return sandwich(transposed, x, absolute);
}

/** The gradient by the weights, or with the absolute values of all operands and matrices. */
template <class T>
std::vector<T> winograd_backward_weights(const Window& g, int m, const std::vector<T>& x, const std::vector<T>& dy,
                                         bool absolute) {
  WinogradMatrices matrices(m);
  size_t positions = size_t(matrices.tile) * matrices.tile;
  auto value = [&](T v) { return absolute ? std::abs(v) : v; };
  std::vector<T> sums(size_t(g.k) * g.c * positions), dw(g.weights());
  for (int n = 0; n < g.n; ++n)
    for (int top = 0; top < g.oh(); top += m)
      for (int left = 0; left < g.ow(); left += m) {
        auto v = transformed_inputs(g, matrices, x, n, top, left, absolute);
        std::vector<std::vector<T>> u;
        for (int k = 0; k < g.k; ++k) {
          std::vector<T> outputs(size_t(m) * m);
          for (int i = 0; i < m && top + i < g.oh(); ++i)
            for (int j = 0; j < m && left + j < g.ow(); ++j)
              outputs[size_t(i) * m + j] = value(dy[((size_t(n) * g.oh() + top + i) * g.ow() + left + j) * g.k + k]);
          u.push_back(adjoint_sandwich(matrices.output, outputs, absolute));
        }
        for (int k = 0; k < g.k; ++k)
          for (int c = 0; c < g.c; ++c)
            for (size_t i = 0; i < positions; ++i) sums[(size_t(k) * g.c + c) * positions + i] += u[k][i] * v[c][i];
      }
  for (int k = 0; k < g.k; ++k)
    for (int c = 0; c < g.c; ++c) {
      auto from = sums.begin() + (size_t(k) * g.c + c) * positions;
      auto taps = adjoint_sandwich(matrices.weights, std::vector<T>(from, from + positions), absolute);
      for (int t = 0; t < 9; ++t) dw[(size_t(k) * 9 + t) * g.c + c] = taps[t];
    }
  return dw;
}

/** The convolution of dy [N,OH,OW,K] that is the gradient by the input of a 3 x 3 window with stride 1. */
inline Window turned(const Window& g) {
  return {g.n, g.oh(), g.ow(), g.k, g.c, 3, 3, 1, 1, 2 - g.top, 2 - g.left, 2 - g.bottom, 2 - g.right};
}

/** Its weights: turned by half a turn, channels exchanged. */
template <class T>
std::vector<T> turned(const Window& g, const std::vector<T>& w) {
  std::vector<T> result(w.size());
  for (int k = 0; k < g.k; ++k)
    for (int t = 0; t < 9; ++t)
      for (int c = 0; c < g.c; ++c) result[(size_t(c) * 9 + 8 - t) * g.k + k] = w[(size_t(k) * 9 + t) * g.c + c];
  return result;
}

}  // namespace ddpm::test::reference
