// Rows of tables: concatenation, embeddings. A thread takes four columns of a row (see quads.cuh) and computes what
// comes there, so a gradient gathers, in an order that follows from the indices alone.
#include <cmath>

#include "common/error.h"
#include "cuda/cuda.h"
#include "cuda/indices.cuh"
#include "cuda/quads.cuh"

namespace ddpm::cuda {

/** Copies of two matrices side by side, each from a row to a row. */
struct CopyParts {
  struct Part {
    const float* src;
    float* dst;
    int64_t src_stride, dst_stride;
    Rows rows;
  } parts[2];
  int64_t first_columns;  // of the first part, rounded up to fours

  DDPM_DEVICE void operator()(int64_t row, int64_t column) const {
    bool second = column >= first_columns;
    const Part part = second ? parts[1] : parts[0];
    if (second) column -= first_columns;
    part.rows.store(part.dst + row * part.dst_stride, column, part.rows.load(part.src + row * part.src_stride, column));
  }
};

static int64_t whole_quads(int64_t columns) { return divide_up(columns, 4) * 4; }

ddpm_status concat(const ConcatArgs& a) {
  int64_t c = a.ca + a.cb;
  bool vector = a.ca % 4 == 0 && a.cb % 4 == 0 && are_aligned(a.a, a.b, a.y);
  CopyParts copy{{{a.a, a.y, a.ca, c, {a.ca, vector}}, {a.b, a.y + a.ca, a.cb, c, {a.cb, vector}}}, whole_quads(a.ca)};
  each_quad("concat", copy, a.rows, whole_quads(a.ca) + whole_quads(a.cb));
  return DDPM_OK;
}

ddpm_status concat_backward(const ConcatBackwardArgs& a) {
  int64_t c = a.ca + a.cb;
  bool vector = a.ca % 4 == 0 && a.cb % 4 == 0 && are_aligned(a.da, a.db, a.dy);
  int64_t first = a.da == nullptr ? 0 : whole_quads(a.ca), second = a.db == nullptr ? 0 : whole_quads(a.cb);
  if (first + second == 0) return DDPM_OK;
  CopyParts copy{{{a.dy, a.da, c, a.ca, {a.ca, vector}}, {a.dy + a.ca, a.db, c, a.cb, {a.cb, vector}}}, first};
  each_quad("concat_backward", copy, a.rows, first + second);
  return DDPM_OK;
}

/** A thread to a sine and its cosine. */
__global__ void __launch_bounds__(kQuadThreads) time_embedding_kernel(TimeEmbeddingArgs a) {
  int64_t i = int64_t{blockIdx.x} * kQuadThreads + threadIdx.x, half = a.dim / 2, k;
  if (i >= a.n * half) return;
  int64_t n = split(i, half, &k);
  // In PyTorch's roundings, as on the CPU: networks were trained with them.
  float exponent = -9.210340371976184f * static_cast<float>(k);  // -ln 10000
  exponent /= static_cast<float>(half) - a.freq_shift;
  auto frequency = static_cast<float>(exp(static_cast<double>(exponent)));
  // In half turns: the reduction of sin() for any angle takes a table in local memory.
  double turns = static_cast<double>(a.t[n] * frequency) * 0.318309886183790671538;  // 1 / pi
  auto sine = static_cast<float>(sinpi(turns)), cosine = static_cast<float>(cospi(turns));
  a.out[n * a.dim + k] = a.flip_sin_to_cos ? cosine : sine;
  a.out[n * a.dim + half + k] = a.flip_sin_to_cos ? sine : cosine;
}

ddpm_status time_embedding(const TimeEmbeddingArgs& a) {
  launch("time_embedding", time_embedding_kernel, grid_of(divide_up(a.n * (a.dim / 2), kQuadThreads)),
         dim3(kQuadThreads), 0, op_stream(), a);
  return DDPM_OK;
}

/** *found = n - i for the first bad index i, 0 if there is none. */
__global__ void __launch_bounds__(kQuadThreads)
    check_indices_kernel(const float* indices, int64_t n, int64_t limit, int64_t* found) {
  int64_t i = int64_t{blockIdx.x} * kQuadThreads + threadIdx.x;
  if (i >= n) return;
  float value = indices[i];
  int64_t index = value >= 0 && value < static_cast<float>(limit) ? static_cast<int64_t>(value) : -1;
  if (index < 0 || index >= limit || static_cast<float>(index) != value) atomic_max(found, n - i);
}

void check_indices(const char* name, const float* indices, int64_t n, int64_t limit) {
  Stream stream = op_stream();
  DeviceArray<int64_t> found(1, stream);
  clear(found, sizeof(int64_t), stream);
  launch("check_indices", check_indices_kernel, grid_of(divide_up(n, kQuadThreads)), dim3(kQuadThreads), 0, stream,
         indices, n, limit, static_cast<int64_t*>(found));
  int64_t from_end = 0;
  copy_to_host(&from_end, found, sizeof from_end, stream);
  if (from_end == 0) return;
  float value = 0;
  copy_to_host(&value, indices + (n - from_end), sizeof value, stream);
  fail(DDPM_INVALID_ARGUMENT, "%s has the value %.9g, expected a whole number from 0 to %lld", name,
       static_cast<double>(value), static_cast<long long>(limit - 1));
}

struct Embedding {
  EmbeddingArgs a;
  Rows rows;
  DDPM_DEVICE void operator()(int64_t row, int64_t column) const {
    const float* from = a.table + static_cast<int64_t>(a.indices[row]) * a.dim;
    rows.store(a.out + row * a.dim, column, rows.load(from, column));
  }
};

ddpm_status embedding(const EmbeddingArgs& a) {
  check_indices("indices", a.indices, a.n, a.entries);
  each_quad("embedding", Embedding{a, rows_of(2, a.dim, a.table, a.out)}, a.n, a.dim);
  return DDPM_OK;
}

/** A row of the table reads all indices, which are as few as there are images, and adds what is its own in order. */
struct EmbeddingBackward {
  EmbeddingBackwardArgs a;
  Rows rows;
  DDPM_DEVICE void operator()(int64_t entry, int64_t column) const {
    Quad sum = rows.load(a.dtable + entry * a.dim, column);
    bool found = false;
    for (int64_t n = 0; n < a.n; ++n) {
      if (static_cast<int64_t>(a.indices[n]) != entry) continue;
      Quad dy = rows.load(a.dy + n * a.dim, column);
#pragma unroll
      for (int i = 0; i < 4; ++i) sum.at[i] += dy.at[i];
      found = true;
    }
    if (found) rows.store(a.dtable + entry * a.dim, column, sum);
  }
};

ddpm_status embedding_backward(const EmbeddingBackwardArgs& a) {
  check_indices("indices", a.indices, a.n, a.entries);
  each_quad("embedding_backward", EmbeddingBackward{a, rows_of(2, a.dim, a.dy, a.dtable)}, a.entries, a.dim);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
