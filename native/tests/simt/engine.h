#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

/**
 * Runs CUDA kernels on the CPU, to test them where there is no GPU. The sources of native/cuda compile as C++ with
 * DDPM_SIMT; simt/device.h has the seam of cuda/device.h on this engine.
 *
 * One block runs at a time, and each of its threads is a fiber that runs until it must meet others: at a barrier, in a
 * collective of its warp; it may also pause at an atomic. Which thread runs next is random, and so are the order of
 * blocks and the moment when an asynchronous copy lands; SIMT_SEED chooses. Shared and device memory start full of
 * ones, which are NaN, and end at pages that fault. checker.h watches single accesses.
 *
 * What it does not show: speed, and orders of memory that a GPU allows and a CPU does not.
 */
struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  explicit dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

namespace ddpm::simt {

/** A line of a kernel. Taken as a default argument, it is the caller's. */
struct Line {
  const char* file;
  int number;
  bool operator==(const Line& other) const { return number == other.number && std::strcmp(file, other.file) == 0; }
};
#define SIMT_LINE const ddpm::simt::Line& line = {__builtin_FILE(), __builtin_LINE()}

/** The running thread and what it sees of its launch. */
struct Now {
  uint3 thread, block;
  dim3 block_size, grid;
  int index = 0;        /**< of the thread in its block; the lane is index % 32 */
  int64_t block_index;  /**< in the grid */
  int64_t interval;     /**< number of barriers of the launch up to here */
  bool running = false; /**< whether a kernel runs at all */
};
extern Now now;

/** Runs a kernel and returns when it has ended; throws an Error that says what went wrong in which thread. */
void run(const char* name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel);

/** Ends the kernel; printf-style. */
[[noreturn]] void stop(const char* format, ...) __attribute__((format(printf, 1, 2)));

/** Works on what the threads that met brought, in their order. */
using Exchange = void (*)(void* const* values, int count);

/** Waits for all threads of the block, or of the warp, at the same line; the last one to come runs exchange. */
void meet_block(void* value, Exchange exchange, const Line& line);
void meet_warp(void* value, Exchange exchange, const Line& line);

/** Lets another thread run, perhaps. */
void pause();

/** A random number below n. */
uint64_t random_below(uint64_t n);

/** Starts to copy bytes, 4 or 16, or zeros. It lands when waited for, or at any time before. */
void copy_async(void* to, const void* from, bool valid, size_t bytes);
void copy_commit();
void copy_wait(int groups);

/** The block's shared memory: of a variable, and that of the launch. */
void* shared_variable(const void* key, size_t bytes);
unsigned char* shared_memory();
/** Where addresses in shared memory start. */
unsigned char* shared_base();

/** Device memory. */
void* allocate(size_t bytes);
void release(void* memory);

}  // namespace ddpm::simt

// The CUDA language, as far as kernels use it.

#define __global__
#define __launch_bounds__(...)
#define threadIdx (ddpm::simt::now.thread)
#define blockIdx (ddpm::simt::now.block)
#define blockDim (ddpm::simt::now.block_size)
#define gridDim (ddpm::simt::now.grid)

using std::max;
using std::min;

inline void __syncthreads(SIMT_LINE) {
  ddpm::simt::meet_block(
      nullptr, [](void* const*, int) {}, line);
}

inline int __syncthreads_or(int value, SIMT_LINE) {
  ddpm::simt::meet_block(
      &value,
      [](void* const* values, int count) {
        int any = 0;
        for (int i = 0; i < count; ++i) any |= *static_cast<int*>(values[i]) != 0;
        for (int i = 0; i < count; ++i) *static_cast<int*>(values[i]) = any;
      },
      line);
  return value;
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, SIMT_LINE) {
  if (mask != 0xffffffffu) ddpm::simt::stop("a shuffle of part of a warp is not implemented");
  struct Lane {
    T in, out;
    int lanes;
  } lane{value, value, lanes};
  ddpm::simt::meet_warp(
      &lane,
      [](void* const* values, int) {
        for (int i = 0; i < 32; ++i) {
          Lane& to = *static_cast<Lane*>(values[i]);
          to.out = static_cast<Lane*>(values[i ^ to.lanes])->in;
        }
      },
      line);
  return lane.out;
}

inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) result |= static_cast<unsigned>(bytes >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
  return result;
}

inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
