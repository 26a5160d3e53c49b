// Weights transformed for Winograd's convolution, as panels; see winograd.h.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/winograd.h"
#include "cpu/kernels/winograd_transforms.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** One panel of output channels: the transform works on input channels, so each position's square is transposed. */
template <int kOutputs>
void panel_by_output(const float* w, int64_t k, int64_t c, int64_t first, float* panel) {
  constexpr int64_t kPositions = winograd_positions(kOutputs);
  int64_t width = panel_width(k, first);
  Vec u[kLanes][kPositions];
  for (int64_t column = 0; column < width; column += kLanes)
    for (int64_t d = 0; d < c; d += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) {
        Vec taps[9] = {};
        if (first + column + i < k)
          for (int64_t t = 0; t < 9; ++t) taps[t] = load_columns(w + ((first + column + i) * 9 + t) * c, d, c);
        transform_weights_tile<kOutputs>(taps, [&](int position, Vec v) { u[i][position] = v; });
      }
      int64_t depth = c - d < kLanes ? c - d : kLanes;
      for (int64_t position = 0; position < kPositions; ++position) {
        Vec square[kLanes];
#pragma GCC unroll 16
        for (int64_t i = 0; i < kLanes; ++i) square[i] = u[i][position];
        transpose(square);
        float* to = panel + position * panels_size(c, k) + d * width + column;
        for (int64_t i = 0; i < depth; ++i) store(to + i * width, square[i]);
      }
    }
}

/** One panel of input channels, which are in the lanes already; the window is turned. */
template <int kOutputs>
void panel_by_input(const float* w, int64_t k, int64_t c, int64_t first, float* panel) {
  int64_t width = panel_width(c, first);
  for (int64_t d = 0; d < k; ++d)
    for (int64_t column = 0; column < width; column += kLanes) {
      Vec taps[9];
      for (int64_t t = 0; t < 9; ++t) taps[8 - t] = load_columns(w + (d * 9 + t) * c, first + column, c);
      transform_weights_tile<kOutputs>(
          taps, [=](int position, Vec u) { store(panel + position * panels_size(k, c) + d * width + column, u); });
    }
}

/** A Packer. */
template <int kOutputs>
void panels_by_output(const float* w, int64_t k, int64_t, int64_t c, float* packed) {
  parallel_for(divide_up(k, kPanel),
               [=](int64_t p) { panel_by_output<kOutputs>(w, k, c, p * kPanel, packed + p * c * kPanel); });
}

/** A Packer: panels of output channels [panel][depth][tap][width]. */
void taps_by_output(const float* w, int64_t k, int64_t, int64_t c, float* packed) {
  parallel_for(divide_up(k, kPanel), [=](int64_t p) {
    int64_t width = panel_width(k, p * kPanel);
    for (int64_t t = 0; t < 9; ++t)
      pack_panel_transposed(w + t * c, 9 * c, c, p * kPanel, k, packed + p * 9 * c * kPanel + t * width, 9 * width);
  });
}

template <int kOutputs>
void panels_by_input(const float* w, int64_t k, int64_t c, float* packed) {
  parallel_for(divide_up(c, kPanel),
               [=](int64_t p) { panel_by_input<kOutputs>(w, k, c, p * kPanel, packed + p * k * kPanel); });
}

}  // namespace

PackedPanels winograd_weights(PackedWeights* kept, int64_t m, int64_t tiles, const float* w, int64_t k, int64_t c) {
  if (tiles <= kFewTiles) return {packed_or_kept(kept, w, taps_by_output, k, 9, c, panels_size(9 * c, k)), 9, c, k};
  int64_t positions = winograd_positions(m);
  return {packed_or_kept(kept, w, m == 4 ? panels_by_output<4> : panels_by_output<2>, k, 9, c,
                         positions * panels_size(c, k)),
          positions, c, k};
}

PackedPanels transform_by_input(int64_t m, const float* w, int64_t k, int64_t c) {
  int64_t positions = winograd_positions(m);
  float* packed = scratch<float>(kPackedWeights, positions * panels_size(k, c));
  m == 4 ? panels_by_input<4>(w, k, c, packed) : panels_by_input<2>(w, k, c, packed);
  return {packed, positions, k, c};
}

}  // namespace ddpm::cpu::DDPM_ISA
