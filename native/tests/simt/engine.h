#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

/**
 * Runs CUDA kernels on the CPU, to test them where there is no GPU. The sources of native/cuda compile as C++ with
 * DDPM_SIMT; simt/device.h has the seam of cuda/device.h on this engine, language.h the words of CUDA. Or ptx/ runs
 * what nvcc made of them.
 *
 * One block runs at a time, and each of its threads is a fiber that runs until it must meet others: at a barrier, in a
 * collective of its warp; it may also pause at an atomic. Which thread runs next is random, and so are the order of
 * blocks and the moment when an asynchronous copy lands. Shared and device memory start full of ones, which are NaN,
 * and end at pages that fault. checker.h watches single accesses, trace.h counts what they cost.
 *
 * SIMT_SEED chooses the order; SIMT_COPIES=early or late lands all asynchronous copies at once or when waited for.
 *
 * What it does not show:
 * - speed, registers, occupancy;
 * - weak memory order: every access is seen by all at once, in the order of one CPU. Blocks of a launch are taken to be
 *   ordered by nothing (fences and flags between blocks are races here), threads of a block by barriers and __syncwarp;
 * - the tensor cores' rounding: a product adds up in float32 in the order of k, a GPU in one of its own with fewer
 * bits;
 * - the approximate functions' errors: rsqrt, ex2 and their like are right to the last bit or nearly;
 * - threads of a warp in step: they run apart from each other wherever they do not meet.
 */
struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  explicit dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace ddpm::simt {

constexpr int kWarp = 32;
constexpr unsigned kWholeWarp = 0xffffffffu;

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
  int index = 0;         /**< of the thread in its block; the lane is index % 32 */
  int64_t block_index;   /**< in the grid */
  int64_t interval;      /**< number of barriers, of all blocks and launches, up to here */
  int64_t warp_interval; /**< number of the warp's __syncwarp, of all blocks and launches, up to here */
  bool running = false;  /**< whether a kernel runs at all */
  int lane() const { return index % kWarp; }
};
extern Now now;

/** Runs a kernel and returns when it has ended; throws an Error that says what went wrong in which thread. */
void run(const char* name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel);

/** The name of the kernel that runs. */
const char* kernel_name();

/** Ends the kernel; printf-style. */
[[noreturn]] void stop(const char* format, ...) __attribute__((format(printf, 1, 2)));

/** Works on what those that met brought, by their number among all; null for who was not asked for. */
struct Exchange {
  void (*call)(const void* work, void* const* values);
  const void* work;
};

/** Waits for all threads of the block at the same line; the last one to come runs the exchange. */
void meet_block(void* value, const Exchange& exchange, const Line& line);
/** As well for the lanes of the warp that the mask names; memory is ordered between them if it says so. */
void meet_warp(unsigned mask, void* value, const Exchange& exchange, const Line& line, bool orders_memory = false);

/** What each lane brings to a collective; work gets the 32 of them, null for those not in the mask. */
template <class Lane, class Work>
void exchange_in_warp(unsigned mask, Lane& lane, const Work& work, const Line& line) {
  auto call = [](const void* work, void* const* values) {
    Lane* lanes[kWarp];
    for (int l = 0; l < kWarp; ++l) lanes[l] = static_cast<Lane*>(values[l]);
    (*static_cast<const Work*>(work))(lanes);
  };
  meet_warp(mask, &lane, {call, &work}, line);
}

/** Lets another thread run, perhaps. */
void pause();

/** A random number below n. */
uint64_t random_below(uint64_t n);

}  // namespace ddpm::simt
