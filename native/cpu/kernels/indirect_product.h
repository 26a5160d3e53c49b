#pragma once
#include <cstdint>

#include "common/packed_weights.h"
#include "common/precision.h"

/**
 * The indirect matrix product (Dukhan, arXiv 1907.02129) under convolutions and linear maps: an im2col product without
 * im2col.
 *
 * A target pixel is a sum over taps. Each tap sees one source pixel, whose channels lie together in NHWC, through its
 * own matrix of weights. The microkernel takes a tile of target pixels, for every tap the pointers to their source
 * rows, and the weights as packed panels. A source outside the picture is a row of zeros.
 */
namespace ddpm::cpu::DDPM_ISA {

/** Targets and taps along one axis of the picture: tap t of target i sees source origin + i * stride + t * tap_step. */
struct Axis {
  int64_t targets;
  int64_t first_target, target_step;  // where target i stands in the target picture
  int64_t sources;                    // length of the source picture
  int64_t taps;
  int64_t origin, stride, tap_step;

  int64_t source(int64_t target, int64_t tap) const { return origin + target * stride + tap * tap_step; }
  bool sees_all(int64_t first_source) const {
    int64_t last_source = first_source + (taps - 1) * tap_step;
    return first_source >= 0 && first_source < sources && last_source >= 0 && last_source < sources;
  }
};

/** What the operands of a product are: floats, or rounded to bfloat16 (see bfloat16.h). */
enum class Operand {
  kFloat32,
  kRounded,  // sources are floats with the value of bfloat16s, an even number of them per pixel; weights are pairs
  kPairs     // both are pairs, which depth counts
};

/** Weights [taps,depth,columns] as panels [panel][tap][rows][width]; read by all tasks of a product. */
struct PackedPanels {
  const float* panels;
  int64_t taps, depth, columns;
  Operand operand = Operand::kFloat32;

  /** Rows of floats, or of pairs, that stand for the depth. */
  int64_t rows() const { return operand == Operand::kRounded ? (depth + 1) / 2 : depth; }
};

/** y[image][target][0..columns) = sum over taps of x[image][source] by the tap's weights, with additions on the way
 * out. */
struct IndirectProduct {
  int64_t images;
  Axis vertical, horizontal;
  const float* x;  // [images, vertical.sources, horizontal.sources, depth]
  float* y;        // [images, height, width, columns]
  int64_t height, width;
  PackedPanels weights;
  int64_t first_tap;                          // the product's taps within the packed ones
  const float *bias, *image_bias, *residual;  // optional: [columns], [images,columns], as y
};

/**
 * Weights [K,taps,C] packed for products over C with K columns, as floats or rounded to bfloat16; a copy that is kept,
 * or in scratch memory.
 */
PackedPanels pack_by_output(PackedWeights* kept, const float* w, int64_t k, int64_t taps, int64_t c,
                            Precision precision);

/** Weights [K,taps,C] packed for products over K with C columns: the taps that order lists, in its order. */
PackedPanels pack_by_input(const float* w, int64_t k, int64_t taps, int64_t c, const int64_t* order, int64_t ordered);

/** Rounds the source first if the weights are rounded. */
void multiply(IndirectProduct product);

}  // namespace ddpm::cpu::DDPM_ISA
