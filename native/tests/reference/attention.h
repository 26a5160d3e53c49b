#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

/** Attention and its gradients, obvious and slow, over double (the truth) or float (what a plain implementation gives).
 */
namespace ddpm::test::reference {

struct Heads {
  int n, tokens, heads, dim;
  double scale;

  size_t size() const { return size_t(n) * tokens * heads * dim; }
  size_t at(int image, int token, int head, int d) const {
    return ((size_t(image) * tokens + token) * heads + head) * dim + d;
  }
};

/** The weights of the backward pass are exp(score - log_sum): the log-sum is rounded once, and its rounding shows in
 * them. */
enum class Weights { kForward, kBackward };

/** Weights of one head: softmax of scaled scores, [T,T]; log_sums[T] likewise. */
template <class T>
std::vector<T> attention_weights(const Heads& h, const std::vector<T>& q, const std::vector<T>& k, int image, int head,
                                 Weights form, std::vector<T>* log_sums = nullptr) {
  std::vector<T> p(size_t(h.tokens) * h.tokens);
  for (int i = 0; i < h.tokens; ++i) {
    T* row = &p[size_t(i) * h.tokens];
    T largest = -INFINITY;
    for (int j = 0; j < h.tokens; ++j) {
      T score = 0;
      for (int d = 0; d < h.dim; ++d) score += q[h.at(image, i, head, d)] * k[h.at(image, j, head, d)];
      row[j] = score * T(h.scale);
      largest = std::max(largest, row[j]);
    }
    T sum = 0;
    for (int j = 0; j < h.tokens; ++j) sum += std::exp(row[j] - largest);
    T log_sum = largest + std::log(sum);
    for (int j = 0; j < h.tokens; ++j)
      row[j] = form == Weights::kForward ? std::exp(row[j] - largest) / sum : std::exp(row[j] - log_sum);
    if (log_sums != nullptr) log_sums->push_back(log_sum);
  }
  return p;
}

template <class T>
std::vector<T> attention(const Heads& h, const std::vector<T>& q, const std::vector<T>& k, const std::vector<T>& v,
                         std::vector<T>* log_sums = nullptr) {
  std::vector<T> o(h.size());
  for (int image = 0; image < h.n; ++image)
    for (int head = 0; head < h.heads; ++head) {
      std::vector<T> p = attention_weights(h, q, k, image, head, Weights::kForward, log_sums);
      for (int i = 0; i < h.tokens; ++i)
        for (int j = 0; j < h.tokens; ++j)
          for (int d = 0; d < h.dim; ++d)
            o[h.at(image, i, head, d)] += p[size_t(i) * h.tokens + j] * v[h.at(image, j, head, d)];
    }
  return o;
}

template <class T>
struct AttentionGradients {
  std::vector<T> dq, dk, dv;
};

template <class T>
AttentionGradients<T> attention_backward(const Heads& h, const std::vector<T>& q, const std::vector<T>& k,
                                         const std::vector<T>& v, const std::vector<T>& d_o) {
  AttentionGradients<T> g{std::vector<T>(h.size()), std::vector<T>(h.size()), std::vector<T>(h.size())};
  std::vector<T> o = attention(h, q, k, v);
  for (int image = 0; image < h.n; ++image)
    for (int head = 0; head < h.heads; ++head) {
      std::vector<T> p = attention_weights(h, q, k, image, head, Weights::kBackward);
      for (int i = 0; i < h.tokens; ++i) {
        // The mean of dp under the weights is dO O: shorter than a sum over tokens, and o is rounded once more in
        // float.
        std::vector<T> dp(size_t(h.tokens));
        T mean = 0;
        for (int d = 0; d < h.dim; ++d) mean += d_o[h.at(image, i, head, d)] * o[h.at(image, i, head, d)];
        for (int j = 0; j < h.tokens; ++j)
          for (int d = 0; d < h.dim; ++d) dp[j] += d_o[h.at(image, i, head, d)] * v[h.at(image, j, head, d)];
        for (int j = 0; j < h.tokens; ++j) {
          T weight = p[size_t(i) * h.tokens + j], ds = weight * (dp[j] - mean) * T(h.scale);
          for (int d = 0; d < h.dim; ++d) {
            g.dq[h.at(image, i, head, d)] += ds * k[h.at(image, j, head, d)];
            g.dk[h.at(image, j, head, d)] += ds * q[h.at(image, i, head, d)];
            g.dv[h.at(image, j, head, d)] += weight * d_o[h.at(image, i, head, d)];
          }
        }
      }
    }
  return g;
}

}  // namespace ddpm::test::reference
