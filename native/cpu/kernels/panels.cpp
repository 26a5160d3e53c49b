// The operands of an indirect product: weights packed as panels, and sources that are rounded as they are.
#include "cpu/kernels/bfloat16.h"
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/indirect_product.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** A Packer: weights [K,taps,C] as panels of pairs. */
void pack_outputs_rounded(const float* w, int64_t k, int64_t taps, int64_t c, float* packed) {
  int64_t pairs = pairs_of(c);
  parallel_for(divide_up(k, kPanel), [=](int64_t panel) {
    int64_t first = panel * kPanel, count = k - first < kPanel ? k - first : kPanel;
    float* rows = scratch<float>(kPanelScratch, count * taps * pairs);
    for (int64_t i = 0; i < count * taps; ++i) pair_row(w + (first * taps + i) * c, c, rows + i * pairs);
    // As if the panel were all there is: it is the last one, or whole.
    pack_panel_transposed(rows, taps * pairs, taps * pairs, 0, count, packed + first * taps * pairs);
  });
}

/** A Packer: weights [K,taps,C] as panels of output channels. */
void pack_outputs(const float* w, int64_t k, int64_t taps, int64_t c, float* packed) {
  parallel_for(divide_up(k, kPanel), [=](int64_t panel) {
    pack_panel_transposed(w, taps * c, taps * c, panel * kPanel, k, packed + panel * taps * c * kPanel);
  });
}

}  // namespace

PackedPanels pack_by_output(PackedWeights* kept, const float* w, int64_t k, int64_t taps, int64_t c,
                            Precision precision) {
  if (precision == Precision::kBfloat16)
    return {packed_or_kept(kept, w, pack_outputs_rounded, k, taps, c, panels_size(taps * pairs_of(c), k)), taps, c, k,
            Operand::kRounded};
  return {packed_or_kept(kept, w, pack_outputs, k, taps, c, panels_size(taps * c, k)), taps, c, k};
}

PackedPanels pack_by_input(const float* w, int64_t k, int64_t taps, int64_t c, const int64_t* order, int64_t ordered) {
  float* packed = scratch<float>(kPackedWeights, panels_size(ordered * k, c));
  parallel_for(divide_up(c, kPanel), [=](int64_t panel) {
    int64_t column = panel * kPanel, width = panel_width(c, column);
    for (int64_t t = 0; t < ordered; ++t)
      pack_panel(w + order[t] * c, taps * c, k, column, c, width, packed + (panel * ordered * kPanel + t * width) * k);
  });
  return {packed, ordered, k, c};
}

void round_source(IndirectProduct& p) {
  int64_t pixels = p.images * p.vertical.sources * p.horizontal.sources, depth = p.weights.depth;
  bool pairs = has_bfloat16_dots();
  int64_t stride = pairs ? pairs_of(depth) : 2 * pairs_of(depth);
  float* rounded = scratch<float>(kRoundedInput, pixels * stride);
  const float* x = p.from.x;
  for_rows(pixels, depth, [=](int64_t begin, int64_t end) {
    // Rows without a gap between them are as good as one.
    int64_t length = depth % 2 == 0 ? (end - begin) * depth : depth;
    for (int64_t i = begin; i < end; i += length / depth)
      pairs ? pair_row(x + i * depth, length, rounded + i * stride)
            : round_row(x + i * depth, length, rounded + i * stride);
  });
  p.from = {rounded, nullptr, stride, 0};
  p.weights.depth = stride;
  if (pairs) p.weights.operand = Operand::kPairs;
}

}  // namespace ddpm::cpu::DDPM_ISA
