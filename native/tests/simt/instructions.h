#pragma once
#include "simt/copies.h"
#include "simt/language.h"
#include "simt/matrices.h"
#include "simt/memory.h"
#include "simt/numbers.h"

/** The instructions of cuda/device.h on the engine; see there for what each does. */

#define DDPM_DEVICE inline
#define DDPM_SHARED(T, name, count) \
  static char name##_key;           \
  T(&name)                          \
  [count] = *static_cast<T(*)[count]>(ddpm::simt::shared_variable(&name##_key, sizeof(T) * (count)))
#define DDPM_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(ddpm::simt::shared_memory())

namespace ddpm::cuda {

using SharedAddress = uint32_t;
inline SharedAddress shared_address(const void* p) {
  return static_cast<SharedAddress>(static_cast<const unsigned char*>(p) - simt::shared_base());
}

template <int kBytes = 16>
void copy_async(SharedAddress to, const void* from, bool valid, SIMT_LINE) {
  simt::copy_async(simt::at_shared(to, kBytes), from, kBytes, valid ? kBytes : 0, line);
}
inline void copy_commit() { simt::copy_commit(); }
template <int kGroups>
void copy_wait() {
  simt::copy_wait(kGroups);
}

template <int kMatrices>
void load_matrices(uint32_t (&r)[kMatrices], SharedAddress row, SIMT_LINE) {
  simt::load_matrices(r, kMatrices, false, row, line);
}
template <int kMatrices>
void load_matrices_transposed(uint32_t (&r)[kMatrices], SharedAddress row, SIMT_LINE) {
  simt::load_matrices(r, kMatrices, true, row, line);
}

#define SIMT_PRODUCT(name, Sum, type_a, type_b)                                              \
  inline void name(Sum(&d)[4], const uint32_t(&a)[4], uint32_t b0, uint32_t b1, SIMT_LINE) { \
    simt::ProductLane lane{{}, {a[0], a[1], a[2], a[3]}, {b0, b1}};                          \
    std::memcpy(lane.d, d, sizeof d);                                                        \
    simt::multiply(lane, simt::Element::type_a, simt::Element::type_b, line);                \
    std::memcpy(d, lane.d, sizeof d);                                                        \
  }
SIMT_PRODUCT(multiply_s8_s8, int32_t, kS8, kS8)
SIMT_PRODUCT(multiply_s8_u8, int32_t, kS8, kU8)
SIMT_PRODUCT(multiply_u8_s8, int32_t, kU8, kS8)
SIMT_PRODUCT(multiply_bf16, float, kBf16, kBf16)
SIMT_PRODUCT(multiply_f16, float, kF16, kF16)
SIMT_PRODUCT(multiply_tf32, float, kTf32, kTf32)
#undef SIMT_PRODUCT

inline uint32_t pack_bf16(float low, float high) { return simt::to_bf16(high) << 16 | simt::to_bf16(low); }
inline uint32_t pack_f16(float low, float high) { return simt::to_f16(high) << 16 | simt::to_f16(low); }
inline uint32_t round_tf32(float x) { return simt::to_tf32(x); }

template <int kCount>
void store_floats(float* to, const float (&v)[kCount]) {
  struct alignas(4 * kCount) Vector {
    float at[kCount];
  };
  auto* vector = reinterpret_cast<Vector*>(to);
  for (int i = 0; i < kCount; ++i) vector->at[i] = v[i];
}

inline void atomic_add(int64_t* to, int64_t value) {
  simt::change(
      to, [=](int64_t x) { return static_cast<int64_t>(static_cast<uint64_t>(x) + static_cast<uint64_t>(value)); });
}
inline void atomic_max(int64_t* to, int64_t value) {
  simt::change(to, [=](int64_t x) { return std::max(x, value); });
}
inline int64_t atomic_read(int64_t* p) {
  return simt::change(p, [](int64_t x) { return x; });
}

}  // namespace ddpm::cuda
