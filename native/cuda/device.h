#pragma once
#include <cstddef>
#include <cstdint>

/**
 * What CUDA sources need beside the CUDA language: shared memory, the instructions that C++ has no name for (the only
 * inline PTX of this project), atomics on 64 bits, and launching; host.h has the rest of the host's half. DDPM_SIMT
 * compiles the same sources as C++ against an engine that runs them on the CPU, and supplies all this in a header of
 * its own.
 */
#include "cuda/host.h"

#if defined(DDPM_SIMT)
#include "simt/device.h"
#else
#include <cuda_runtime.h>

#include <tuple>
#include <utility>

#include "common/error.h"

#define DDPM_DEVICE __device__ __forceinline__
/** T name[count], the same for all threads of a block. */
#define DDPM_SHARED(T, name, count) __shared__ T name[count]
/** T* name, the shared memory that the launch asks for, aligned to 128 bytes. */
#define DDPM_DYNAMIC_SHARED(T, name)                               \
  extern __shared__ __align__(128) unsigned char dynamic_shared[]; \
  T* name = reinterpret_cast<T*>(dynamic_shared)

namespace ddpm::cuda {

/** An address in shared memory. */
using SharedAddress = uint32_t;
DDPM_DEVICE SharedAddress shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

/** Starts a copy of 4, 8 or 16 bytes to shared memory, of zeros unless valid; one of 16 past the first-level cache. */
template <int kBytes = 16>
DDPM_DEVICE void copy_async(SharedAddress to, const void* from, bool valid) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid ? 16 : 0) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(from), "n"(kBytes),
                 "r"(valid ? kBytes : 0)
                 : "memory");
}
DDPM_DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/** Waits for all groups but the last few. */
template <int kGroups>
DDPM_DEVICE void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}

/**
 * Two or four matrices of 8 rows of 16 bytes; lane 8 m + i gives the address of row i of matrix m. Lane l gets of each
 * matrix bytes 4 (l % 4) and on of row l / 4; of a transposed one, whose elements are of 2 bytes, elements l / 4 of
 * rows 2 (l % 4) and the next.
 */
#define DDPM_LOAD_MATRICES(name, transposed)                                                   \
  DDPM_DEVICE void name(uint32_t(&r)[2], SharedAddress row) {                                  \
    asm volatile("ldmatrix.sync.aligned.m8n8.x2" transposed ".shared.b16 {%0,%1}, [%2];"       \
                 : "=r"(r[0]), "=r"(r[1])                                                      \
                 : "r"(row)                                                                    \
                 : "memory");                                                                  \
  }                                                                                            \
  DDPM_DEVICE void name(uint32_t(&r)[4], SharedAddress row) {                                  \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" transposed ".shared.b16 {%0,%1,%2,%3}, [%4];" \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                              \
                 : "r"(row)                                                                    \
                 : "memory");                                                                  \
  }
DDPM_LOAD_MATRICES(load_matrices, "")
DDPM_LOAD_MATRICES(load_matrices_transposed, ".trans")
#undef DDPM_LOAD_MATRICES

/** d += a b with a [16,32] and b [32,8] of bytes; the name says which are signed. */
#define DDPM_BYTE_PRODUCT(name, types)                                                     \
  DDPM_DEVICE void name(int32_t(&d)[4], const uint32_t(&a)[4], uint32_t b0, uint32_t b1) { \
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." types                            \
                 ".s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"              \
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                          \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));          \
  }
DDPM_BYTE_PRODUCT(multiply_s8_s8, "s8.s8")
DDPM_BYTE_PRODUCT(multiply_s8_u8, "s8.u8")
DDPM_BYTE_PRODUCT(multiply_u8_s8, "u8.s8")
#undef DDPM_BYTE_PRODUCT

/**
 * d += a b in float32 with a [16,K] and b [K,8]. K is 16 for bf16 and f16, two to a register, and 8 for tf32: floats of
 * which only the upper 19 bits count.
 */
#define DDPM_FLOAT_PRODUCT(name, types)                                                                 \
  DDPM_DEVICE void name(float(&d)[4], const uint32_t(&a)[4], uint32_t b0, uint32_t b1) {                \
    asm volatile("mma.sync.aligned." types ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                       \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                       \
  }
DDPM_FLOAT_PRODUCT(multiply_bf16, "m16n8k16.row.col.f32.bf16.bf16")
DDPM_FLOAT_PRODUCT(multiply_f16, "m16n8k16.row.col.f32.f16.f16")
DDPM_FLOAT_PRODUCT(multiply_tf32, "m16n8k8.row.col.f32.tf32.tf32")
#undef DDPM_FLOAT_PRODUCT

/** Two floats rounded to the nearest bf16 or f16, and one to the nearest tf32, between two away from 0. */
DDPM_DEVICE uint32_t pack_bf16(float low, float high) {
  uint32_t r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}
DDPM_DEVICE uint32_t pack_f16(float low, float high) {
  uint32_t r;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}
DDPM_DEVICE uint32_t round_tf32(float x) {
  uint32_t r;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
  return r;
}

/** Stores neighbours at once, at a multiple of their size; nvcc takes vectors apart that come from large arrays. */
DDPM_DEVICE void store_floats(float* to, const float (&v)[2]) {
  asm volatile("st.global.v2.f32 [%0], {%1,%2};" ::"l"(to), "f"(v[0]), "f"(v[1]) : "memory");
}
DDPM_DEVICE void store_floats(float* to, const float (&v)[4]) {
  asm volatile("st.global.v4.f32 [%0], {%1,%2,%3,%4};" ::"l"(to), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3])
               : "memory");
}

DDPM_DEVICE void atomic_add(int64_t* to, int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}
DDPM_DEVICE void atomic_max(int64_t* to, int64_t value) {
  atomicMax(reinterpret_cast<long long*>(to), static_cast<long long>(value));
}
/** A value that other blocks may be changing. */
DDPM_DEVICE int64_t atomic_read(int64_t* p) { return atomicMax(reinterpret_cast<long long*>(p), INT64_MIN); }

constexpr const char* kBackendName = "cuda";

/** Throws unless all went well; what: the call. */
void check(cudaError_t status, const char* what);

/** Starts a kernel, which the name tells in errors and traces; on a null stream as host.h says. */
template <class... Parameters, class... Args>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, Stream stream,
            Args&&... args) {
  const void* function = reinterpret_cast<const void*>(kernel);
  // Beyond this a kernel must ask.
  if (shared_bytes > 48 * 1024)
    check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
          name);
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Args>(args))...);
  std::apply(
      [&](Parameters&... value) {
        void* pointers[] = {static_cast<void*>(&value)...};
        check(cudaLaunchKernel(function, grid, block, pointers, shared_bytes, stream == nullptr ? op_stream() : stream),
              name);
      },
      values);
}

}  // namespace ddpm::cuda
#endif

namespace ddpm::cuda {

/** Device memory of an op, in the order of its stream. */
template <class T>
class DeviceArray {
 public:
  DeviceArray(int64_t count, Stream stream)
      : data_(static_cast<T*>(allocate(static_cast<size_t>(count) * sizeof(T), stream))), stream_(stream) {}
  ~DeviceArray() { release(data_, stream_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  operator T*() const { return data_; }

 private:
  T* data_;
  Stream stream_;
};

}  // namespace ddpm::cuda
