#pragma once
#include "cpu/kernels/vector.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/** Vectors of 16-bit integers, two to a lane of 32, and their products. */
namespace ddpm::cpu::DDPM_ISA {

/** Bytes that one vector of 16-bit integers is made from. */
constexpr int kPairBytes = 2 * kLanes;

typedef int16_t ShortVec __attribute__((vector_size(kLanes * 4)));
typedef int16_t UnalignedShortVec __attribute__((vector_size(kLanes * 4), aligned(2), may_alias));
typedef int32_t UnalignedIntVec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef int8_t UnalignedByteVec __attribute__((vector_size(kLanes * 2), aligned(1), may_alias));

/** Four bytes to a lane of 32 bits. */
constexpr int kQuadBytes = 4 * kLanes;
typedef int8_t QuadVec __attribute__((vector_size(kQuadBytes)));
typedef int8_t UnalignedQuadVec __attribute__((vector_size(kQuadBytes), aligned(1), may_alias));

namespace {

inline __attribute__((always_inline)) ShortVec load(const int16_t* p) {
  return *reinterpret_cast<const UnalignedShortVec*>(p);
}
inline __attribute__((always_inline)) IntVec load(const int32_t* p) {
  return *reinterpret_cast<const UnalignedIntVec*>(p);
}
inline __attribute__((always_inline)) void store(int32_t* p, IntVec v) { *reinterpret_cast<UnalignedIntVec*>(p) = v; }

/** kPairBytes bytes as 16-bit integers. */
inline __attribute__((always_inline)) ShortVec widen(const int8_t* p) {
#if defined(__AVX512BW__)
  return reinterpret_cast<ShortVec>(_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
  return reinterpret_cast<ShortVec>(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  return __builtin_convertvector(*reinterpret_cast<const UnalignedByteVec*>(p), ShortVec);
#endif
}

/** Keeps a vector in a register, where the compiler would read it from memory for each of its products. */
inline __attribute__((always_inline)) ShortVec in_register(ShortVec v) {
#if defined(__SSE2__)
  asm("" : "+x"(v));
#endif
  return v;
}

/** The same two 16-bit integers in every lane. */
inline __attribute__((always_inline)) ShortVec broadcast_pair(int32_t pair) {
  return reinterpret_cast<ShortVec>(pair - IntVec{});
}

/** a[2i] b[2i] + a[2i+1] b[2i+1] in lane i. */
inline __attribute__((always_inline)) IntVec multiply_pairs(ShortVec a, ShortVec b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<IntVec>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<IntVec>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<IntVec>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  IntVec sum;
  for (int i = 0; i < kLanes; ++i) sum[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  return sum;
#endif
}

inline __attribute__((always_inline)) QuadVec load_quads(const int8_t* p) {
  return *reinterpret_cast<const UnalignedQuadVec*>(p);
}

/** a[2i] b[2i] + a[2i+1] b[2i+1] for bytes a without and b with sign; sums that fit 16 bits. */
inline __attribute__((always_inline)) ShortVec multiply_bytes(QuadVec a, QuadVec b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<ShortVec>(_mm512_maddubs_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<ShortVec>(_mm256_maddubs_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  ShortVec x = reinterpret_cast<ShortVec>(a), y = reinterpret_cast<ShortVec>(b);
  return (x & 255) * ((y << 8) >> 8) + ((x >> 8) & 255) * (y >> 8);
#endif
}

/** Pairs (a, b) of two vectors, within each 128 bits: those of the lower halves, and of the upper halves. */
inline __attribute__((always_inline)) ShortVec interleave_low(ShortVec a, ShortVec b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<ShortVec>(_mm512_unpacklo_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<ShortVec>(_mm256_unpacklo_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#endif
}
inline __attribute__((always_inline)) ShortVec interleave_high(ShortVec a, ShortVec b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<ShortVec>(_mm512_unpackhi_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<ShortVec>(_mm256_unpackhi_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#endif
}

/**
 * Place in memory order of lane i of the low (half 0) or high (half 1) interleaving of two vectors of kPairBytes
 * values: the interleaving works on 128 bits, 8 values, at a time.
 */
inline int interleaved_place(int half, int lane) { return lane / 4 * 8 + half * 4 + lane % 4; }

/** The sum of the lanes, exact as a double. */
inline __attribute__((always_inline)) double sum(IntVec v) {
  typedef double DoubleVec __attribute__((vector_size(kLanes * 8)));
  DoubleVec wide = __builtin_convertvector(v, DoubleVec);
  double total = 0;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) total += wide[i];
  return total;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
