#pragma once
#include "cpu/kernels/vector.h"

/**
 * The one-dimensional transforms of Winograd's convolution with three taps, on vectors of channels. Applied to the
 * columns and then to the rows of a tile they make the two-dimensional ones.
 *
 * F(m) takes a polynomial product modulo (x - p) at m + 1 points and at infinity. With points 0, +-a, +-b:
 *   B' rows   a^2 b^2 - (a^2 + b^2) x^2 + x^4,   (x^2 +- a x)(x^2 - b^2),   (x^2 +- b x)(x^2 - a^2),
 *             a^2 b^2 x - (a^2 + b^2) x^3 + x^5    as coefficients of d0 ... d5
 *   G rows    (1, p, p^2) / N, N the product of p's distances to the other points;   (0, 0, 1)
 *   A' rows   p^i for each point, then 0, and 1 in the last row.
 * The adjoints apply A and G', for gradients by weights.
 */
namespace ddpm::cpu::DDPM_ISA {
namespace {

template <int kOutputs>
struct Winograd;

/** Points 0, +-1, infinity. */
template <>
struct Winograd<2> {
  static constexpr int kTile = 4;

  static inline __attribute__((always_inline)) void input(const Vec (&d)[4], Vec (&v)[4]) {
    v[0] = d[0] - d[2];
    v[1] = d[2] + d[1];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
  }

  static inline __attribute__((always_inline)) void weights(const Vec (&g)[3], Vec (&u)[4]) {
    Vec even = (g[0] + g[2]) * 0.5f, odd = g[1] * 0.5f;
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
  }

  static inline __attribute__((always_inline)) void output(const Vec (&m)[4], Vec (&y)[2]) {
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = (m[1] - m[2]) + m[3];
  }

  static inline __attribute__((always_inline)) void output_adjoint(const Vec (&y)[2], Vec (&m)[4]) {
    m[0] = y[0];
    m[1] = y[0] + y[1];
    m[2] = y[0] - y[1];
    m[3] = y[1];
  }

  static inline __attribute__((always_inline)) void weights_adjoint(const Vec (&u)[4], Vec (&g)[3]) {
    Vec even = (u[1] + u[2]) * 0.5f;
    g[0] = u[0] + even;
    g[1] = (u[1] - u[2]) * 0.5f;
    g[2] = even + u[3];
  }
};

/** Points 0, +-a, +-b, infinity. */
template <>
struct Winograd<4> {
  static constexpr int kTile = 6;
  static constexpr float a = 0.625f, b = 1.5f, a2 = a * a, b2 = b * b;
  static constexpr float of_a = 1 / (2 * a2 * (a2 - b2)), of_b = 1 / (2 * b2 * (b2 - a2));

  static inline __attribute__((always_inline)) void input(const Vec (&d)[6], Vec (&v)[6]) {
    Vec even_a = d[4] - d[2] * b2, odd_a = d[3] - d[1] * b2;
    Vec even_b = d[4] - d[2] * a2, odd_b = d[3] - d[1] * a2;
    v[0] = d[0] * (a2 * b2) + (d[4] - d[2] * (a2 + b2));
    v[1] = even_a + odd_a * a;
    v[2] = even_a - odd_a * a;
    v[3] = even_b + odd_b * b;
    v[4] = even_b - odd_b * b;
    v[5] = d[1] * (a2 * b2) + (d[5] - d[3] * (a2 + b2));
  }

  static inline __attribute__((always_inline)) void weights(const Vec (&g)[3], Vec (&u)[6]) {
    Vec even_a = (g[0] + g[2] * a2) * of_a, odd_a = g[1] * (a * of_a);
    Vec even_b = (g[0] + g[2] * b2) * of_b, odd_b = g[1] * (b * of_b);
    u[0] = g[0] * (1 / (a2 * b2));
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g[2];
  }

  static inline __attribute__((always_inline)) void output(const Vec (&m)[6], Vec (&y)[4]) {
    Vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = odd_a * a + odd_b * b;
    y[2] = even_a * a2 + even_b * b2;
    y[3] = odd_a * (a * a2) + odd_b * (b * b2) + m[5];
  }

  static inline __attribute__((always_inline)) void output_adjoint(const Vec (&y)[4], Vec (&m)[6]) {
    Vec even_a = y[0] + y[2] * a2, odd_a = y[1] * a + y[3] * (a * a2);
    Vec even_b = y[0] + y[2] * b2, odd_b = y[1] * b + y[3] * (b * b2);
    m[0] = y[0];
    m[1] = even_a + odd_a;
    m[2] = even_a - odd_a;
    m[3] = even_b + odd_b;
    m[4] = even_b - odd_b;
    m[5] = y[3];
  }

  static inline __attribute__((always_inline)) void weights_adjoint(const Vec (&u)[6], Vec (&g)[3]) {
    Vec even_a = (u[1] + u[2]) * of_a, odd_a = u[1] - u[2], even_b = (u[3] + u[4]) * of_b, odd_b = u[3] - u[4];
    g[0] = u[0] * (1 / (a2 * b2)) + (even_a + even_b);
    g[1] = odd_a * (a * of_a) + odd_b * (b * of_b);
    g[2] = (even_a * a2 + even_b * b2) + u[5];
  }
};

/**
 * The two-dimensional transform of a tile's inputs, some channels of each pixel, to its positions, which are next
 * floats apart, as vectors of channels next_channels apart.
 */
template <int kOutputs>
inline void transform_input_tile(const float* const (&sources)[Winograd<kOutputs>::kTile * Winograd<kOutputs>::kTile],
                                 int64_t first_channel, int64_t last_channel, float* to, int64_t next,
                                 int64_t next_channels = kLanes) {
  constexpr int kTile = Winograd<kOutputs>::kTile;
  for (int64_t c = first_channel; c < last_channel; c += kLanes, to += next_channels) {
    Vec half[kTile][kTile];
#pragma GCC unroll 6
    for (int s = 0; s < kTile; ++s) {
      Vec d[kTile], v[kTile];
#pragma GCC unroll 6
      for (int r = 0; r < kTile; ++r) d[r] = load_columns(sources[r * kTile + s], c, last_channel);
      Winograd<kOutputs>::input(d, v);
#pragma GCC unroll 6
      for (int r = 0; r < kTile; ++r) half[r][s] = v[r];
    }
#pragma GCC unroll 6
    for (int r = 0; r < kTile; ++r) {
      Vec v[kTile];
      Winograd<kOutputs>::input(half[r], v);
#pragma GCC unroll 6
      for (int s = 0; s < kTile; ++s) store(to + (r * kTile + s) * next, v[s]);
    }
  }
}

/** The two-dimensional transform of the taps of 3 x 3 windows, one in each lane: sink(position, vector) takes it. */
template <int kOutputs, class Sink>
inline __attribute__((always_inline)) void transform_weights_tile(const Vec (&taps)[9], const Sink& sink) {
  constexpr int kTile = Winograd<kOutputs>::kTile;
  Vec rows[kTile][3];
#pragma GCC unroll 3
  for (int s = 0; s < 3; ++s) {
    Vec g[3] = {taps[s], taps[3 + s], taps[6 + s]}, u[kTile];
    Winograd<kOutputs>::weights(g, u);
#pragma GCC unroll 6
    for (int i = 0; i < kTile; ++i) rows[i][s] = u[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < kTile; ++i) {
    Vec u[kTile];
    Winograd<kOutputs>::weights(rows[i], u);
#pragma GCC unroll 6
    for (int j = 0; j < kTile; ++j) sink(i * kTile + j, u[j]);
  }
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
