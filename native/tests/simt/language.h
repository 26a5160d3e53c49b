#pragma once
#include <cmath>
#include <cstring>

#include "simt/checker.h"
#include "simt/engine.h"

/** The CUDA language, as far as kernels use it. */

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define threadIdx (ddpm::simt::now.thread)
#define blockIdx (ddpm::simt::now.block)
#define blockDim (ddpm::simt::now.block_size)
#define gridDim (ddpm::simt::now.grid)

using std::max;
using std::min;

#define SIMT_VECTORS(T, name)                                                   \
  struct alignas(2 * sizeof(T)) name##2 { T x, y; };                            \
  struct alignas(sizeof(T) < 8 ? 4 * sizeof(T) : 16) name##4 { T x, y, z, w; }; \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                    \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
SIMT_VECTORS(float, float)
SIMT_VECTORS(double, double)
SIMT_VECTORS(int, int)
SIMT_VECTORS(unsigned, uint)
SIMT_VECTORS(signed char, char)
SIMT_VECTORS(unsigned char, uchar)
#undef SIMT_VECTORS

// Barriers.

namespace ddpm::simt {

/** Waits for the block; what f makes of the values of all, one after the other. */
template <class F>
int reduce_in_block(int value, const F& f, const Line& line) {
  struct Work {
    const F& f;
    int count;
  } work{f, static_cast<int>(now.block_size.x * now.block_size.y * now.block_size.z)};
  auto call = [](const void* work, void* const* values) {
    const Work& w = *static_cast<const Work*>(work);
    int result = *static_cast<int*>(values[0]);
    for (int i = 1; i < w.count; ++i) result = w.f(result, *static_cast<int*>(values[i]));
    for (int i = 0; i < w.count; ++i) *static_cast<int*>(values[i]) = result;
  };
  meet_block(&value, {call, &work}, line);
  return value;
}

}  // namespace ddpm::simt

inline void __syncthreads(SIMT_LINE) {
  ddpm::simt::meet_block(nullptr, {[](const void*, void* const*) {}, nullptr}, line);
}
inline int __syncthreads_or(int value, SIMT_LINE) {
  return ddpm::simt::reduce_in_block(
      value != 0, [](int a, int b) { return a | b; }, line);
}
inline int __syncthreads_and(int value, SIMT_LINE) {
  return ddpm::simt::reduce_in_block(
      value != 0, [](int a, int b) { return a & b; }, line);
}
inline int __syncthreads_count(int value, SIMT_LINE) {
  return ddpm::simt::reduce_in_block(
      value != 0, [](int a, int b) { return a + b; }, line);
}
inline void __syncwarp(unsigned mask = ddpm::simt::kWholeWarp, SIMT_LINE) {
  ddpm::simt::meet_warp(mask, nullptr, {[](const void*, void* const*) {}, nullptr}, line, true);
}

// Collectives of a warp.

namespace ddpm::simt {

/** The value of the lane that from(lane) names; outside the segment of `width` lanes, a lane's own. */
template <class T, class F>
T shuffle(unsigned mask, T value, int width, const F& from, const Line& line) {
  struct Lane {
    T in, out;
    int from;
  };
  int self = now.lane(), first = self & ~(width - 1), other = from(self, first);
  if (other < first || other >= first + width) other = self;
  Lane lane{value, value, other};
  exchange_in_warp(
      mask, lane,
      [](Lane* const* lanes) {
        for (int l = 0; l < kWarp; ++l) {
          if (lanes[l] == nullptr) continue;
          const Lane* other = lanes[lanes[l]->from];
          if (other == nullptr)
            stop("lane %d asks for the value of lane %d, which the mask leaves out", l, lanes[l]->from);
          lanes[l]->out = other->in;
        }
      },
      line);
  return lane.out;
}

/** What f makes of the values of all lanes of the mask, from the lowest on. */
template <class T, class F>
T reduce_in_warp(unsigned mask, T value, const F& f, const Line& line) {
  exchange_in_warp(
      mask, value,
      [&](T* const* lanes) {
        const T* first = *std::find_if(lanes, lanes + kWarp, [](const T* lane) { return lane != nullptr; });
        T result = *first;
        for (int l = 0; l < kWarp; ++l)
          if (lanes[l] != nullptr && lanes[l] != first) result = f(result, *lanes[l]);
        for (int l = 0; l < kWarp; ++l)
          if (lanes[l] != nullptr) *lanes[l] = result;
      },
      line);
  return value;
}

}  // namespace ddpm::simt

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, SIMT_LINE) {
  return ddpm::simt::shuffle(
      mask, value, width, [=](int, int first) { return first + (lane & (width - 1)); }, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32, SIMT_LINE) {
  return ddpm::simt::shuffle(
      mask, value, width, [=](int self, int) { return self - static_cast<int>(lanes); }, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32, SIMT_LINE) {
  return ddpm::simt::shuffle(
      mask, value, width, [=](int self, int) { return self + static_cast<int>(lanes); }, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, SIMT_LINE) {
  return ddpm::simt::shuffle(
      mask, value, width, [=](int self, int) { return self ^ lanes; }, line);
}
inline unsigned __ballot_sync(unsigned mask, int value, SIMT_LINE) {
  unsigned bit = value != 0 ? 1u << ddpm::simt::now.lane() : 0;
  return ddpm::simt::reduce_in_warp(
      mask, bit, [](unsigned a, unsigned b) { return a | b; }, line);
}
inline int __any_sync(unsigned mask, int value, SIMT_LINE) { return __ballot_sync(mask, value, line) != 0; }
inline int __all_sync(unsigned mask, int value, SIMT_LINE) { return __ballot_sync(mask, value, line) == mask; }
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, SIMT_LINE) {
  return ddpm::simt::reduce_in_warp(
      mask, value, [](unsigned a, unsigned b) { return a + b; }, line);
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, SIMT_LINE) {
  return ddpm::simt::reduce_in_warp(
      mask, value, [](T a, T b) { return std::max(a, b); }, line);
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, SIMT_LINE) {
  return ddpm::simt::reduce_in_warp(
      mask, value, [](T a, T b) { return std::min(a, b); }, line);
}

// Atomics. Those of floats are left out: results would depend on the order.

namespace ddpm::simt {

/** *p = f(*p) at once; what it was before. */
template <class T, class F>
__attribute__((no_sanitize("thread"))) T change(T* p, const F& f) {
  pause();
  note(p, sizeof(T), true, true);
  T before = *p;
  *p = f(before);
  return before;
}

}  // namespace ddpm::simt

template <class T>
T atomicAdd(T* p, T value) {
  static_assert(std::is_integral_v<T>);
  return ddpm::simt::change(p, [=](T x) { return static_cast<T>(x + value); });
}
template <class T>
T atomicMax(T* p, T value) {
  return ddpm::simt::change(p, [=](T x) { return std::max(x, value); });
}
template <class T>
T atomicMin(T* p, T value) {
  return ddpm::simt::change(p, [=](T x) { return std::min(x, value); });
}
template <class T>
T atomicOr(T* p, T value) {
  return ddpm::simt::change(p, [=](T x) { return x | value; });
}
template <class T>
T atomicAnd(T* p, T value) {
  return ddpm::simt::change(p, [=](T x) { return x & value; });
}
template <class T>
T atomicExch(T* p, T value) {
  return ddpm::simt::change(p, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* p, T expected, T value) {
  return ddpm::simt::change(p, [=](T x) { return x == expected ? value : x; });
}

// Functions.

template <class T>
T __ldg(const T* p) {
  return *p;
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) result |= static_cast<unsigned>(bytes >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
  return result;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32); }
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline int __float_as_int(float x) { return static_cast<int>(__float_as_uint(x)); }
inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline float __int_as_float(int bits) { return __uint_as_float(static_cast<unsigned>(bits)); }
inline float rsqrtf(float x) { return static_cast<float>(1 / std::sqrt(static_cast<double>(x))); }
inline double sinpi(double x) { return std::sin(M_PI * std::fmod(x, 2)); }
inline double cospi(double x) { return std::cos(M_PI * std::fmod(x, 2)); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
