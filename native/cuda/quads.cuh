#pragma once
#include <algorithm>

#include "common/arithmetic.h"
#include "cuda/device.h"

/**
 * Work on rows of floats, four neighbours to a thread.
 *
 * A thread that moves 16 bytes an operand and instruction keeps memory busy with the threads that fit a
 * multiprocessor: 2048 of them have 32 KB of each operand on their way, and 16 to 20 KB are what the fastest memory
 * needs. Where rows do not start at multiples of 16 bytes, the same threads take the same four floats one by one (the
 * first-level cache joins them), and so they do at a row's end: what is computed does not depend on addresses.
 */
namespace ddpm::cuda {

DDPM_ARITHMETIC int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline dim3 grid_of(int64_t x, int64_t y = 1, int64_t z = 1) {
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y), static_cast<unsigned>(z));
}

/** Neighbours that are moved at once. */
template <int kCount>
struct alignas(4 * kCount) Floats {
  float at[kCount];
};
using Quad = Floats<4>;

/** Rows of a matrix. */
struct Rows {
  int64_t length;
  bool vector;  // whether they start at multiples of 16 bytes

  DDPM_DEVICE int count(int64_t column) const { return static_cast<int>(min(int64_t{4}, length - column)); }

  /** The four from a column on, or what is left of the row and zeros. */
  DDPM_DEVICE Quad load(const float* row, int64_t column) const {
    if (vector && column + 4 <= length) return *reinterpret_cast<const Quad*>(row + column);
    Quad q;
#pragma unroll
    for (int i = 0; i < 4; ++i) q.at[i] = column + i < length ? row[column + i] : 0.0f;
    return q;
  }
  DDPM_DEVICE void store(float* row, int64_t column, const Quad& q) const {
    if (vector && column + 4 <= length) {
      *reinterpret_cast<Quad*>(row + column) = q;
      return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (column + i < length) row[column + i] = q.at[i];
  }
};

template <class... Pointers>
bool are_aligned(const Pointers*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % sizeof(Quad) == 0) && ...);
}

/** Rows of matrices that start at the given addresses, null or not. */
template <class... Pointers>
Rows rows_of(int64_t rows, int64_t length, const Pointers*... pointers) {
  return {length, (rows == 1 || length % 4 == 0) && are_aligned(pointers...)};
}

/** i / n; *rest = i % n. Division of 64 bits takes some four times the instructions of 32. */
DDPM_DEVICE int64_t split(int64_t i, int64_t n, int64_t* rest) {
  if (i >> 32 == 0 && n >> 32 == 0) {
    auto i32 = static_cast<uint32_t>(i), n32 = static_cast<uint32_t>(n), quotient = i32 / n32;
    *rest = i32 - quotient * n32;
    return quotient;
  }
  *rest = i % n;
  return i / n;
}

constexpr int kQuadThreads = 256;

/** f(row, column) for each fourth column. */
template <class F>
__global__ void __launch_bounds__(kQuadThreads) each_quad_kernel(F f, int64_t rows, int64_t quads) {
  int64_t i = int64_t{blockIdx.x} * kQuadThreads + threadIdx.x, quad;
  if (i >= rows * quads) return;
  int64_t row = split(i, quads, &quad);
  f(row, 4 * quad);
}

template <class F>
void each_quad(const char* name, const F& f, int64_t rows, int64_t length) {
  int64_t quads = divide_up(length, 4);
  launch(name, each_quad_kernel<F>, grid_of(divide_up(rows * quads, kQuadThreads)), dim3(kQuadThreads), 0, op_stream(),
         f, rows, quads);
}

/** y = f(inputs...) element by element; y may be any of them. */
template <class F, int kInputs>
struct Map {
  F f;
  Rows rows;
  const float* inputs[kInputs];
  float* y;

  DDPM_DEVICE void operator()(int64_t, int64_t column) const {
    Quad in[kInputs], out;
#pragma unroll
    for (int k = 0; k < kInputs; ++k) in[k] = rows.load(inputs[k], column);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (kInputs == 1)
        out.at[i] = f(in[0].at[i]);
      else if constexpr (kInputs == 2)
        out.at[i] = f(in[0].at[i], in[1].at[i]);
      else
        out.at[i] = f(in[0].at[i], in[1].at[i], in[2].at[i]);
    }
    rows.store(y, column, out);
  }
};

template <class F, class... Inputs>
void map(const char* name, const F& f, int64_t count, float* y, const Inputs*... inputs) {
  Map<F, sizeof...(Inputs)> whole{f, rows_of(1, count, y, inputs...), {inputs...}, y};
  each_quad(name, whole, 1, count);
}

}  // namespace ddpm::cuda
