#pragma once
#include <cstdint>

/**
 * Vectors of kLanes floats by the compiler's vector extension, so that one source serves every instruction set:
 * 16 lanes with AVX-512, 8 with AVX2, 4 in portable code.
 */
namespace ddpm::cpu::DDPM_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef float UnalignedVec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

namespace {

inline __attribute__((always_inline)) Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
inline __attribute__((always_inline)) void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }
inline __attribute__((always_inline)) Vec broadcast(float x) { return x - Vec{}; }

/** The first count lanes from memory, the others zero. */
inline Vec load_first(const float* p, int64_t count) {
  Vec v{};
  for (int64_t i = 0; i < count; ++i) v[i] = p[i];
  return v;
}
inline void store_first(float* p, Vec v, int64_t count) {
  for (int64_t i = 0; i < count; ++i) p[i] = v[i];
}

/** A vector of a row of count floats from a column on; columns at and beyond count are zero. */
inline Vec load_columns(const float* row, int64_t column, int64_t count) {
  return column + kLanes <= count ? load(row + column) : load_first(row + column, count > column ? count - column : 0);
}

inline void store_columns(float* row, int64_t column, int64_t count, Vec v) {
  if (column + kLanes <= count)
    store(row + column, v);
  else if (count > column)
    store_first(row + column, v, count - column);
}

inline int64_t round_up(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }
inline int64_t divide_up(int64_t x, int64_t divisor) { return (x + divisor - 1) / divisor; }

inline __attribute__((always_inline)) Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline __attribute__((always_inline)) Vec min(Vec a, Vec b) { return a < b ? a : b; }

inline __attribute__((always_inline)) Vec square_root(Vec v) {
  for (int i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}

/** Lanes of a and b in turn: a0 b0 a1 b1 ... of the lower halves, and of the upper halves. */
#if defined(__AVX512F__)
#define DDPM_INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define DDPM_INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX2__)
#define DDPM_INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define DDPM_INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define DDPM_INTERLEAVE_LOW 0, 4, 1, 5
#define DDPM_INTERLEAVE_HIGH 2, 6, 3, 7
#endif

/**
 * Transposes a square of vectors. Interleaving vector i with vector i + kLanes / 2 turns the bits of (row, lane) by one
 * place; log2(kLanes) times exchanges row and lane.
 */
inline __attribute__((always_inline)) void transpose(Vec (&v)[kLanes]) {
#pragma GCC unroll 4
  for (int turned = 1; turned < kLanes; turned *= 2) {
    Vec t[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; ++i) {
      t[2 * i] = __builtin_shufflevector(v[i], v[i + kLanes / 2], DDPM_INTERLEAVE_LOW);
      t[2 * i + 1] = __builtin_shufflevector(v[i], v[i + kLanes / 2], DDPM_INTERLEAVE_HIGH);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) v[i] = t[i];
  }
}

#undef DDPM_INTERLEAVE_LOW
#undef DDPM_INTERLEAVE_HIGH

/** Sum of the lanes, halves first: an order that depends on the number of lanes only. */
inline float sum(Vec v) {
  float t[kLanes];
  store(t, v);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) t[i] += t[i + width];
  return t[0];
}

/**
 * exp(x) to within 1.5 ulp for x in [-87, 88.3]; below it is 0, above it infinity. NaN stays NaN.
 * x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor polynomial of degree 7 and a shift of the exponent.
 */
inline __attribute__((always_inline)) Vec exp(Vec x) {
  const Vec rounder = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  Vec shifted = x * 1.44269504088896341f + rounder;
  Vec k = shifted - rounder;
  Vec r = x - k * 0.693359375f;  // ln 2 in two parts, the first with few bits so that the product is exact
  r = r + k * 2.12194440e-4f;
  Vec p = broadcast(1.9841270e-4f);
  p = p * r + 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666668e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  IntVec exponent = (reinterpret_cast<IntVec>(shifted) - 0x4B400000 + 127) << 23;
  Vec result = p * reinterpret_cast<Vec>(exponent);
  result = x < -87.0f ? Vec{} : result;
  return x > 88.3f ? broadcast(__builtin_inff()) : result;
}

/** 1 / (1 + exp(-x)): 0 and 1 far out. */
inline __attribute__((always_inline)) Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp(-x)); }

/** x / (1 + exp(-x)). */
inline __attribute__((always_inline)) Vec silu_of(Vec x) { return x / (1.0f + exp(-x)); }

/** The derivative of x / (1 + exp(-x)). */
inline __attribute__((always_inline)) Vec silu_slope(Vec x) {
  Vec s = sigmoid(x);
  return s * (1.0f + x * (1.0f - s));
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
