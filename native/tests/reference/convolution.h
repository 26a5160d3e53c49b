#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

/** Convolution and its gradients, obvious and slow, over double (the truth) or float (what a plain implementation
 * gives). */
namespace ddpm::test::reference {

struct Window {
  int n, h, w, c, k, r, s, stride_h, stride_w, top, left, bottom, right;

  int oh() const { return (h + top + bottom - r) / stride_h + 1; }
  int ow() const { return (w + left + right - s) / stride_w + 1; }
  size_t input() const { return size_t(n) * h * w * c; }
  size_t weights() const { return size_t(k) * r * s * c; }
  size_t output() const { return size_t(n) * oh() * ow() * k; }
};

/** Calls visit(x index, w index, y index) for every product of the convolution. */
template <class Visit>
void for_products(const Window& g, const Visit& visit) {
  for (int n = 0; n < g.n; ++n)
    for (int oh = 0; oh < g.oh(); ++oh)
      for (int ow = 0; ow < g.ow(); ++ow)
        for (int k = 0; k < g.k; ++k)
          for (int r = 0; r < g.r; ++r)
            for (int s = 0; s < g.s; ++s) {
              int h = oh * g.stride_h - g.top + r, w = ow * g.stride_w - g.left + s;
              if (h < 0 || h >= g.h || w < 0 || w >= g.w) continue;
              for (int c = 0; c < g.c; ++c)
                visit(((size_t(n) * g.h + h) * g.w + w) * g.c + c, ((size_t(k) * g.r + r) * g.s + s) * g.c + c,
                      ((size_t(n) * g.oh() + oh) * g.ow() + ow) * g.k + k);
            }
}

template <class T>
std::vector<T> conv2d(const Window& g, const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& bias,
                      const std::vector<T>& image_bias, const std::vector<T>& residual) {
  std::vector<T> y(g.output());
  for_products(g, [&](size_t i, size_t j, size_t o) { y[o] += x[i] * w[j]; });
  size_t per_image = y.size() / g.n;
  for (size_t o = 0; o < y.size(); ++o) {
    if (!bias.empty()) y[o] += bias[o % g.k];
    if (!image_bias.empty()) y[o] += image_bias[o / per_image * g.k + o % g.k];
    if (!residual.empty()) y[o] += residual[o];
  }
  return y;
}

template <class T>
std::vector<T> conv2d_backward_input(const Window& g, const std::vector<T>& dy, const std::vector<T>& w,
                                     const std::vector<T>& bias) {
  std::vector<T> dx(g.input());
  for_products(g, [&](size_t i, size_t j, size_t o) { dx[i] += dy[o] * w[j]; });
  if (!bias.empty())
    for (size_t i = 0; i < dx.size(); ++i) dx[i] += bias[i % g.c];
  return dx;
}

template <class T>
std::vector<T> conv2d_backward_weights(const Window& g, const std::vector<T>& x, const std::vector<T>& dy,
                                       std::vector<T> dw) {
  for_products(g, [&](size_t i, size_t j, size_t o) { dw[j] += dy[o] * x[i]; });
  return dw;
}

template <class T>
std::vector<T> bias_gradient(const std::vector<T>& dy, std::vector<T> dbias) {
  for (size_t o = 0; o < dy.size(); ++o) dbias[o % dbias.size()] += dy[o];
  return dbias;
}

}  // namespace ddpm::test::reference
