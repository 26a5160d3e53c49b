// Convolutions with few channels on one side; see convolution_few.h.
#include "cpu/kernels/convolution_few.h"

#include <cstring>

#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/vector.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Channels that are few. */
constexpr int64_t kFewInputs = 4, kFewOutputs = 4;

/** Row h of an image's input from the left padding on, zeros where there is none. */
void pad_line(const Conv2dArgs& a, int64_t image, int64_t h, float* line, int64_t size) {
  const WindowGeometry& g = a.g;
  std::memset(line, 0, size * sizeof(float));
  int64_t left = g.pad_left * g.c, count = size - left < g.w * g.c ? size - left : g.w * g.c;
  if (h >= 0 && h < g.h && count > 0)
    std::memcpy(line + left, a.x + (image * g.h + h) * g.w * g.c, count * sizeof(float));
}

/** One panel of a row of outputs, whose inputs are padded lines. */
template <int kVectors>
void convolve_line(const Conv2dArgs& a, const PackedPanels& weights, const float* lines, int64_t line, int64_t row,
                   int64_t column) {
  const WindowGeometry& g = a.g;
  const float* panel = weights.panels + column * weights.taps * weights.depth;
  int64_t step = g.stride_w * g.c;
  Vec bias[kVectors] = {};
  if (a.bias != nullptr)
    for (int j = 0; j < kVectors; ++j) bias[j] = load_columns(a.bias, column + j * kLanes, g.k);
  bool plain = column + kVectors * kLanes <= g.k && a.image_bias == nullptr && a.residual == nullptr;
  for (int64_t first = 0; first < g.ow; first += kTileRows) {
    Tile<kTileRows, kVectors> tile = {};
    const float* b_row = panel;
    for (int64_t r = 0; r < g.r; ++r) {
      const float* x = lines + r * line + first * step;
      for (int64_t i = 0; i < g.s * g.c; ++i, ++x, b_row += kVectors * kLanes) {
        Vec b[kVectors];
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) b[j] = load(b_row + j * kLanes);
#pragma GCC unroll 16
        for (int t = 0; t < kTileRows; ++t) {
          Vec v = broadcast(x[t * step]);
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; ++j) tile.sum[t][j] += v * b[j];
        }
      }
    }
    float* y = a.y + (row * g.ow + first) * g.k + column;
    if (plain && first + kTileRows <= g.ow) {
#pragma GCC unroll 16
      for (int t = 0; t < kTileRows; ++t)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) store(y + t * g.k + j * kLanes, tile.sum[t][j] + bias[j]);
      continue;
    }
    Tile<kTileRows, kVectors> sums = tile;  // a copy that may be indexed, so that the other need not be in memory
    for (int64_t t = 0; t < kTileRows && first + t < g.ow; ++t)
      for (int64_t j = 0; j < kVectors; ++j) {
        int64_t k = column + j * kLanes, target = (row * g.ow + first + t) * g.k;
        Vec v = sums.sum[t][j] + bias[j];
        if (a.image_bias != nullptr) v += load_columns(a.image_bias + row / g.oh * g.k, k, g.k);
        if (a.residual != nullptr) v += load_columns(a.residual + target, k, g.k);
        store_columns(a.y + target, k, g.k, v);
      }
  }
}

/** Neighbouring outputs of a row whose sums are kept in registers, so that a load of weights serves them all. */
constexpr int kPixels = 3;

/** y at kPixels outputs of a row, with channels of the inputs in the lanes; those beyond the last are not stored. */
template <int kColumns>
void convolve_pixels(const Conv2dArgs& a, int64_t image, int64_t row, int64_t first, const float* zeros) {
  const WindowGeometry& g = a.g;
  Vec sums[kPixels][kColumns] = {};
  for (int64_t r = 0; r < g.r; ++r) {
    int64_t h = row * g.stride_h - g.pad_top + r;
    if (h < 0 || h >= g.h) continue;
    const float* line = a.x + (image * g.h + h) * g.w * g.c;
    for (int64_t s = 0; s < g.s; ++s) {
      const float* source[kPixels];
      for (int i = 0; i < kPixels; ++i) {
        int64_t w = (first + i) * g.stride_w - g.pad_left + s;
        source[i] = w >= 0 && w < g.w ? line + w * g.c : zeros;
      }
      const float* weights = a.w + (r * g.s + s) * g.c;
      int64_t column = g.r * g.s * g.c;
      auto add = [&](auto load_at) __attribute__((always_inline)) {
        Vec x[kPixels];
#pragma GCC unroll 4
        for (int i = 0; i < kPixels; ++i) x[i] = load_at(source[i]);
#pragma GCC unroll 4
        for (int k = 0; k < kColumns; ++k) {
          Vec w = load_at(weights + k * column);
#pragma GCC unroll 4
          for (int i = 0; i < kPixels; ++i) sums[i][k] += x[i] * w;
        }
      };
      int64_t c = 0;
      for (; c + kLanes <= g.c; c += kLanes) add([=](const float* from) { return load(from + c); });
      if (c < g.c) add([=](const float* from) { return load_first(from + c, g.c - c); });
    }
  }
  for (int i = 0; i < kPixels && first + i < g.ow; ++i)
    for (int k = 0; k < kColumns; ++k) {
      int64_t at = ((image * g.oh + row) * g.ow + first + i) * kColumns + k;
      float y = sum(sums[i][k]);
      if (a.bias != nullptr) y += a.bias[k];
      if (a.image_bias != nullptr) y += a.image_bias[image * kColumns + k];
      if (a.residual != nullptr) y += a.residual[at];
      a.y[at] = y;
    }
}

template <int kColumns>
void convolve_rows(const Conv2dArgs& a) {
  const float* zeros = static_cast<float*>(std::memset(scratch<float>(kZeroRow, a.g.c), 0, a.g.c * sizeof(float)));
  parallel_for(a.g.n * a.g.oh, [&](int64_t row) {
    for (int64_t first = 0; first < a.g.ow; first += kPixels)
      convolve_pixels<kColumns>(a, row / a.g.oh, row % a.g.oh, first, zeros);
  });
}

}  // namespace

bool has_few_inputs(const WindowGeometry& g) { return g.c <= kFewInputs && g.r * g.s > 1; }

void convolve_few_inputs(const Conv2dArgs& a, const PackedPanels& weights) {
  const WindowGeometry& g = a.g;
  int64_t line = (g.stride_w * (round_up(g.ow, kTileRows) - 1) + g.s) * g.c;
  parallel_for(g.n * g.oh, [&](int64_t at) {
    int64_t image = at / g.oh, row = at % g.oh;
    float* lines = scratch<float>(kPreparedInput, g.r * line);
    for (int64_t r = 0; r < g.r; ++r) pad_line(a, image, row * g.stride_h - g.pad_top + r, lines + r * line, line);
    for (int64_t column = 0; column < g.k; column += kPanel)
      panel_width(g.k, column) == kPanel ? convolve_line<kTileVectors>(a, weights, lines, line, at, column)
                                         : convolve_line<1>(a, weights, lines, line, at, column);
  });
}

bool has_few_outputs(const WindowGeometry& g) { return g.k <= kFewOutputs && g.c >= kLanes; }

void convolve_few_outputs(const Conv2dArgs& a) {
  switch (a.g.k) {
    case 1:
      return convolve_rows<1>(a);
    case 2:
      return convolve_rows<2>(a);
    case 3:
      return convolve_rows<3>(a);
    default:
      return convolve_rows<4>(a);
  }
}

}  // namespace ddpm::cpu::DDPM_ISA
