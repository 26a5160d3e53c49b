// Weights transformed for Winograd's convolution, as panels; see winograd.h.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/winograd.h"
#include "cpu/kernels/winograd_transforms.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** The taps of 3 x 3 windows in the lanes, as positions. */
template <int kOutputs>
inline __attribute__((always_inline)) void transform(const Vec (&taps)[9], Vec* positions) {
  constexpr int kTile = Winograd<kOutputs>::kTile;
  Vec rows[kTile][3];
#pragma GCC unroll 3
  for (int s = 0; s < 3; ++s) {
    Vec g[3] = {taps[s], taps[3 + s], taps[6 + s]}, u[kTile];
    Winograd<kOutputs>::weights(g, u);
#pragma GCC unroll 6
    for (int i = 0; i < kTile; ++i) rows[i][s] = u[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < kTile; ++i) {
    Vec u[kTile];
    Winograd<kOutputs>::weights(rows[i], u);
#pragma GCC unroll 6
    for (int j = 0; j < kTile; ++j) positions[i * kTile + j] = u[j];
  }
}

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
        transform<kOutputs>(taps, u[i]);
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
  constexpr int64_t kPositions = winograd_positions(kOutputs);
  int64_t width = panel_width(c, first);
  for (int64_t d = 0; d < k; ++d)
    for (int64_t column = 0; column < width; column += kLanes) {
      Vec taps[9], u[kPositions];
      for (int64_t t = 0; t < 9; ++t) taps[8 - t] = load_columns(w + (d * 9 + t) * c, first + column, c);
      transform<kOutputs>(taps, u);
      for (int64_t position = 0; position < kPositions; ++position)
        store(panel + position * panels_size(k, c) + d * width + column, u[position]);
    }
}

/** A Packer. */
template <int kOutputs>
void panels_by_output(const float* w, int64_t k, int64_t, int64_t c, float* packed) {
  parallel_for(divide_up(k, kPanel),
               [=](int64_t p) { panel_by_output<kOutputs>(w, k, c, p * kPanel, packed + p * c * kPanel); });
}

template <int kOutputs>
void panels_by_input(const float* w, int64_t k, int64_t c, float* packed) {
  parallel_for(divide_up(c, kPanel),
               [=](int64_t p) { panel_by_input<kOutputs>(w, k, c, p * kPanel, packed + p * k * kPanel); });
}

}  // namespace

PackedPanels transform_by_output(PackedWeights* kept, int64_t m, const float* w, int64_t k, int64_t c) {
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
