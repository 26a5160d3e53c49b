#pragma once
#include "common/error.h"
#include "common/thread_pool.h"
#include "cpu/kernels/vector.h"

/** Loops over arrays, split into chunks that follow from the size alone. */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Elements of one task: large enough to pay for handing it out, small enough to share evenly. */
constexpr int64_t kChunk = 16384;

/** Runs body(begin, end) over [0, count) in chunks. */
template <class Body>
void for_chunks(int64_t count, const Body& body) {
  parallel_for(divide_up(count, kChunk), [&](int64_t i) {
    int64_t begin = i * kChunk;
    body(begin, begin + kChunk < count ? begin + kChunk : count);
  });
}

/** Runs body(begin, end) over rows of the given length, about a chunk of elements at a time. */
template <class Body>
void for_rows(int64_t rows, int64_t length, const Body& body) {
  int64_t step = length < kChunk ? kChunk / length : 1;
  parallel_for(divide_up(rows, step), [&](int64_t i) {
    int64_t begin = i * step;
    body(begin, begin + step < rows ? begin + step : rows);
  });
}

/**
 * y[i] = f(inputs[i]...) for i in [begin, end), the tail by a partial vector: every element sees the same arithmetic. y
 * may be one of the inputs.
 */
template <class F, class... In>
inline void map_range(int64_t begin, int64_t end, float* y, const F& f, const In*... inputs) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) store(y + i, f(load(inputs + i)...));
  if (i < end) store_first(y + i, f(load_first(inputs + i, end - i)...), end - i);
}

/** y[i] = f(inputs[i]...) for i in [0, count). */
template <class F, class... In>
void map(int64_t count, float* y, const F& f, const In*... inputs) {
  for_chunks(count, [&](int64_t begin, int64_t end) { map_range(begin, end, y, f, inputs...); });
}

/** An index that came as a float; throws DDPM_INVALID_ARGUMENT unless it is a whole number in [0, limit). */
inline int64_t checked_index(const char* name, float value, int64_t limit) {
  int64_t index = value >= 0 && value < static_cast<float>(limit) ? static_cast<int64_t>(value) : -1;
  if (index < 0 || index >= limit || static_cast<float>(index) != value)
    fail(DDPM_INVALID_ARGUMENT, "%s has the value %.9g, expected a whole number from 0 to %lld", name,
         static_cast<double>(value), static_cast<long long>(limit - 1));
  return index;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
