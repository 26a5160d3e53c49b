// Ops on single elements, rows and tables. They are bound by memory, so each is one pass.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/sums.h"

namespace ddpm::cpu::DDPM_ISA {

ddpm_status silu(const SiluArgs& a) {
  map(
      a.count, a.y, [](Vec x) { return silu_of(x); }, a.x);
  return DDPM_OK;
}

ddpm_status silu_backward(const SiluBackwardArgs& a) {
  map(
      a.count, a.dx, [](Vec x, Vec dy) { return dy * silu_slope(x); }, a.x, a.dy);
  return DDPM_OK;
}

ddpm_status fill(const FillArgs& a) {
  Vec value = broadcast(a.value);
  map(
      a.count, a.dst, [value](Vec) { return value; }, a.dst);
  return DDPM_OK;
}

ddpm_status copy(const CopyArgs& a) {
  for_chunks(a.count, [&](int64_t begin, int64_t end) {
    std::memcpy(a.dst + begin, a.src + begin, static_cast<size_t>(end - begin) * sizeof(float));
  });
  return DDPM_OK;
}

ddpm_status add(const AddArgs& a) {
  map(
      a.count, a.y, [](Vec x, Vec y) { return x + y; }, a.a, a.b);
  return DDPM_OK;
}

ddpm_status scale(const ScaleArgs& a) {
  map(
      a.count, a.y, [factor = a.factor](Vec x) { return factor * x; }, a.x);
  return DDPM_OK;
}

ddpm_status concat(const ConcatArgs& a) {
  for_rows(a.rows, a.ca + a.cb, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* y = a.y + i * (a.ca + a.cb);
      std::memcpy(y, a.a + i * a.ca, static_cast<size_t>(a.ca) * sizeof(float));
      std::memcpy(y + a.ca, a.b + i * a.cb, static_cast<size_t>(a.cb) * sizeof(float));
    }
  });
  return DDPM_OK;
}

ddpm_status concat_backward(const ConcatBackwardArgs& a) {
  for_rows(a.rows, a.ca + a.cb, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* dy = a.dy + i * (a.ca + a.cb);
      if (a.da != nullptr) std::memcpy(a.da + i * a.ca, dy, static_cast<size_t>(a.ca) * sizeof(float));
      if (a.db != nullptr) std::memcpy(a.db + i * a.cb, dy + a.ca, static_cast<size_t>(a.cb) * sizeof(float));
    }
  });
  return DDPM_OK;
}

ddpm_status sum_pixels(const SumPixelsArgs& a) {
  // A task takes some channels of an image, so that a single image is shared out too.
  constexpr int64_t kChannels = 64;
  int64_t parts = divide_up(a.c, kChannels);
  parallel_for(a.n * parts, [&](int64_t task) {
    int64_t first = task % parts * kChannels, count = a.c - first < kChannels ? a.c - first : kChannels;
    double sums[kChannels] = {};
    add_rows(a.x + task / parts * a.pixels * a.c + first, a.pixels, a.c, count, sums);
    for (int64_t i = 0; i < count; ++i) a.y[task / parts * a.c + first + i] = static_cast<float>(sums[i]);
  });
  return DDPM_OK;
}

ddpm_status time_embedding(const TimeEmbeddingArgs& a) {
  // In PyTorch's roundings: t f reaches a thousand radians, where a float product is off by 1e-4, and networks were
  // trained with that.
  int64_t half = a.dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    float exponent = static_cast<float>(-std::log(10000.0)) * static_cast<float>(i);
    exponent /= static_cast<float>(half) - a.freq_shift;
    float frequency = static_cast<float>(std::exp(static_cast<double>(exponent)));
    for (int64_t n = 0; n < a.n; ++n) {
      double angle = a.t[n] * frequency;
      float sine = static_cast<float>(std::sin(angle)), cosine = static_cast<float>(std::cos(angle));
      a.out[n * a.dim + i] = a.flip_sin_to_cos ? cosine : sine;
      a.out[n * a.dim + half + i] = a.flip_sin_to_cos ? sine : cosine;
    }
  }
  return DDPM_OK;
}

ddpm_status embedding(const EmbeddingArgs& a) {
  for (int64_t n = 0; n < a.n; ++n) checked_index("indices", a.indices[n], a.entries);
  for (int64_t n = 0; n < a.n; ++n)
    std::memcpy(a.out + n * a.dim, a.table + static_cast<int64_t>(a.indices[n]) * a.dim,
                static_cast<size_t>(a.dim) * sizeof(float));
  return DDPM_OK;
}

ddpm_status embedding_backward(const EmbeddingBackwardArgs& a) {
  for (int64_t n = 0; n < a.n; ++n) checked_index("indices", a.indices[n], a.entries);
  for (int64_t n = 0; n < a.n; ++n) {
    float* row = a.dtable + static_cast<int64_t>(a.indices[n]) * a.dim;
    for (int64_t i = 0; i < a.dim; ++i) row[i] += a.dy[n * a.dim + i];
  }
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
