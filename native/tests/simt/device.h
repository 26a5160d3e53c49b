#pragma once
#include <tuple>
#include <utility>

#include "simt/checker.h"
#include "simt/engine.h"

/** The seam of cuda/device.h on the engine; see there for what each does. */

#define DDPM_DEVICE inline
#define DDPM_SHARED(T, name, count) \
  static char name##_key;           \
  T(&name)                          \
  [count] = *static_cast<T(*)[count]>(ddpm::simt::shared_variable(&name##_key, sizeof(T) * (count)))
#define DDPM_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(ddpm::simt::shared_memory())

namespace ddpm::cuda {

constexpr const char* kBackendName = "simt";
using Stream = void*;

using SharedAddress = uint32_t;
inline SharedAddress shared_address(const void* p) {
  return static_cast<SharedAddress>(static_cast<const unsigned char*>(p) - simt::shared_base());
}

inline void copy_async(SharedAddress to, const void* from, bool valid) {
  simt::copy_async(simt::shared_base() + to, from, valid, 16);
}
inline void copy_async_word(SharedAddress to, const void* from, bool valid) {
  simt::copy_async(simt::shared_base() + to, from, valid, 4);
}
inline void copy_commit() { simt::copy_commit(); }
template <int kGroups>
void copy_wait() {
  simt::copy_wait(kGroups);
}

inline void load_matrices(uint32_t (&r)[4], SharedAddress row, SIMT_LINE) {
  struct Lane {
    const unsigned char* row;
    uint32_t r[4];
  } lane{simt::shared_base() + row, {}};
  if (row % 16 != 0) simt::stop("a row of a matrix is at %u, expected a multiple of 16", row);
  simt::note(lane.row, 16, false);
  simt::meet_warp(
      &lane,
      [](void* const* values, int) {
        for (int l = 0; l < 32; ++l)
          for (int m = 0; m < 4; ++m)
            std::memcpy(&static_cast<Lane*>(values[l])->r[m],
                        static_cast<Lane*>(values[8 * m + l / 4])->row + l % 4 * 4, 4);
      },
      line);
  std::copy_n(lane.r, 4, r);
}

/** Byte i of a word; signed or not. */
inline int32_t byte_of(uint32_t word, int i, bool is_signed) {
  uint32_t byte = word >> 8 * i & 255;
  return is_signed ? static_cast<int8_t>(byte) : static_cast<int32_t>(byte);
}

template <bool kSignedA, bool kSignedB>
void multiply_bytes(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, const simt::Line& line) {
  struct Lane {
    int32_t* d;
    const uint32_t* a;
    uint32_t b[2];
  } lane{d, a, {b0, b1}};
  simt::meet_warp(
      &lane,
      [](void* const* values, int) {
        // Lane l has of a the rows l / 4 and 8 more, of b the column l / 4: bytes 4 (l % 4) and on, and those 16 on. Of
        // d it has two neighbours, 2 (l % 4) and on, of these rows.
        int32_t a[16][32], b[8][32];
        for (int l = 0; l < 32; ++l) {
          const Lane& from = *static_cast<Lane*>(values[l]);
          for (int i = 0; i < 4; ++i) {
            int k = l % 4 * 4 + i;
            for (int r = 0; r < 4; ++r) a[l / 4 + r % 2 * 8][k + r / 2 * 16] = byte_of(from.a[r], i, kSignedA);
            for (int r = 0; r < 2; ++r) b[l / 4][k + r * 16] = byte_of(from.b[r], i, kSignedB);
          }
        }
        for (int l = 0; l < 32; ++l)
          for (int e = 0; e < 4; ++e) {
            int32_t& to = static_cast<Lane*>(values[l])->d[e];
            int64_t sum = to;
            for (int k = 0; k < 32; ++k) sum += a[l / 4 + e / 2 * 8][k] * b[l % 4 * 2 + e % 2][k];
            to = static_cast<int32_t>(sum);
            if (to != sum) simt::stop("a sum of 32 bits overflows: %lld", static_cast<long long>(sum));
          }
      },
      line);
}
inline void multiply_s8_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, SIMT_LINE) {
  multiply_bytes<true, true>(d, a, b0, b1, line);
}
inline void multiply_s8_u8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, SIMT_LINE) {
  multiply_bytes<true, false>(d, a, b0, b1, line);
}
inline void multiply_u8_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, SIMT_LINE) {
  multiply_bytes<false, true>(d, a, b0, b1, line);
}

inline uint32_t round_tf32(float x) {
  uint32_t bits = __float_as_uint(x);
  // Ties go away from zero. Infinities stay, and NaN.
  return ((bits >> 23 & 255) == 255 ? bits : bits + 0x1000) & ~0x1fffu;
}
inline uint32_t round_bf16(float x) {
  uint32_t bits = __float_as_uint(x);
  if (x != x) return 0x7fff;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline uint32_t pack_bf16(float low, float high) { return round_bf16(high) << 16 | round_bf16(low); }

/** Number i of the words that a lane brings: kWords of one number, or of two. */
template <int kPerWord>
float number_of(const uint32_t* words, int i) {
  if (kPerWord == 2) return __uint_as_float(words[i / 2] >> i % 2 * 16 << 16);
  if ((words[i] & 0x1fff) != 0) simt::stop("a factor was not rounded to tf32");
  return __uint_as_float(words[i]);
}

template <int kPerWord>
void multiply_floats(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, const simt::Line& line) {
  struct Lane {
    float* d;
    const uint32_t* a;
    uint32_t b[2];
  } lane{d, a, {b0, b1}};
  simt::meet_warp(
      &lane,
      [](void* const* values, int) {
        // As multiply_bytes: lane l has of a the rows l / 4 and 8 more, of b the column l / 4, at depths of l % 4.
        constexpr int kHalf = 4 * kPerWord;
        float a[16][2 * kHalf], b[8][2 * kHalf];
        for (int l = 0; l < 32; ++l) {
          const Lane& from = *static_cast<Lane*>(values[l]);
          for (int i = 0; i < kPerWord; ++i) {
            int k = l % 4 * kPerWord + i;
            for (int r = 0; r < 4; ++r) a[l / 4 + r % 2 * 8][k + r / 2 * kHalf] = number_of<kPerWord>(from.a + r, i);
            for (int r = 0; r < 2; ++r) b[l / 4][k + r * kHalf] = number_of<kPerWord>(from.b + r, i);
          }
        }
        for (int l = 0; l < 32; ++l)
          for (int e = 0; e < 4; ++e) {
            float& to = static_cast<Lane*>(values[l])->d[e];
            double sum = 0;
            for (int k = 0; k < 2 * kHalf; ++k)
              sum += static_cast<double>(a[l / 4 + e / 2 * 8][k]) * static_cast<double>(b[l % 4 * 2 + e % 2][k]);
            to = static_cast<float>(static_cast<double>(to) + sum);
          }
      },
      line);
}
inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, SIMT_LINE) {
  multiply_floats<1>(d, a, b0, b1, line);
}
inline void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, SIMT_LINE) {
  multiply_floats<2>(d, a, b0, b1, line);
}

/** *p = f(*p) at once; what it was before. */
template <class T, class F>
__attribute__((no_sanitize("thread"))) T change(T* p, const F& f) {
  simt::pause();
  simt::note(p, sizeof(T), true, true);
  T before = *p;
  *p = f(before);
  return before;
}
inline void atomic_add(int64_t* to, int64_t value) {
  change(to, [=](int64_t x) { return static_cast<int64_t>(static_cast<uint64_t>(x) + static_cast<uint64_t>(value)); });
}
inline void atomic_max(int64_t* to, int64_t value) {
  change(to, [=](int64_t x) { return std::max(x, value); });
}
inline int64_t atomic_read(int64_t* p) {
  return change(p, [](int64_t x) { return x; });
}

inline void* allocate(size_t bytes, Stream) { return simt::allocate(bytes); }
inline void release(void* memory, Stream) { simt::release(memory); }
inline void clear(void* to, size_t bytes, Stream) {
  std::memset(to, 0, bytes);
  simt::note_host_write(to, bytes);
}
inline void copy_to_device(void* to, const void* from, size_t bytes, Stream) {
  std::memcpy(to, from, bytes);
  simt::note_host_write(to, bytes);
}
inline void copy_to_host(void* to, const void* from, size_t bytes, Stream) { std::memcpy(to, from, bytes); }

template <class... Parameters, class... Args>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, Stream,
            Args&&... args) {
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Args>(args))...);
  simt::run(name, grid, block, shared_bytes, [&] { std::apply(kernel, values); });
}

}  // namespace ddpm::cuda

template <class T>
T atomicAdd(T* p, T value) {
  return ddpm::cuda::change(p, [=](T x) { return static_cast<T>(x + value); });
}
template <class T>
T atomicMax(T* p, T value) {
  return ddpm::cuda::change(p, [=](T x) { return std::max(x, value); });
}
template <class T>
T atomicOr(T* p, T value) {
  return ddpm::cuda::change(p, [=](T x) { return x | value; });
}
