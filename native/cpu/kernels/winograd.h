#pragma once
#include <cstdint>

#include "common/backend.h"
#include "cpu/kernels/indirect_product.h"

/**
 * Convolutions by a window of 3 x 3 with stride 1 after Winograd (Lavin and Gray, arXiv 1509.09308): a tile of m x m
 * outputs is A' [sum over channels of (G g G') o (B' d B)] A, with one multiplication per channel for each of the
 * (m + 2)^2 positions of the transformed tile instead of 9 m^2.
 *
 * Rounding. Every step is a sum of products, so in the first order the error of an output is at most
 *   (C + 27) 2^-24 |A'| [sum |G||g||G'| o |B'||d||B|] |A|
 * with the absolute values of all elements: C + 1 roundings of the sum over channels, two passes of at most 4 for the
 * input, 5 for the weights and 4 for the output. How much larger than sum |x||w| that is follows from the points that
 * the polynomials are taken at. With 0, 1, -1, 2, -2 and infinity, F(4 x 4) of normal numbers errs 4 times as much as
 * the direct sum (root mean square); with 0, +-5/8, +-3/2 and infinity 1.8 times, with as many operations, and
 * coefficients of B and A that are exact in binary. F(2 x 2) errs 0.6 times as much. See also Barabasz et al., arXiv
 * 1803.10986.
 *
 * The gradient by the weights is the adjoint of all this: G' [sum over tiles of (B' d B) o (A dy A')] G, where dy is a
 * tile of m x m gradients. With S tiles its errors are at most (S + 27) 2^-24 times that with absolute values.
 *
 * An infinity or NaN in the input spreads over the tiles whose window sees it, in its own image only.
 */
namespace ddpm::cpu::DDPM_ISA {

/**
 * Outputs along one side of a tile of Winograd's algorithm for a window whose outputs have a height and width, from
 * depth to columns channels; 0 for direct convolution.
 */
int64_t winograd_tile(const WindowGeometry& g, int64_t height, int64_t width, int64_t depth, int64_t columns);

/** Positions of a transformed tile of m x m outputs. */
constexpr int64_t winograd_positions(int64_t m) { return (m + 2) * (m + 2); }

/** Tiles up to which weights are transformed where they are used: reading them costs more than transforming them. */
constexpr int64_t kFewTiles = 24;

/**
 * Weights [K,3,3,C] for products over C with K columns and so many tiles of m x m (2 or 4): panels transformed to
 * positions, or for few tiles taps as they are; a copy that is kept or in scratch memory.
 */
PackedPanels winograd_weights(PackedWeights* kept, int64_t m, int64_t tiles, const float* w, int64_t k, int64_t c);

/** Weights [K,3,3,C] turned by half a turn and transformed for tiles of m x m, for products over K with C columns:
 * gradients by inputs. */
PackedPanels transform_by_input(int64_t m, const float* w, int64_t k, int64_t c);

/**
 * The product of an indirect product with 3 x 3 taps, strides and steps of one, by tiles of m x m (2 or 4); its weights
 * have the positions of a tile in place of taps, or the taps.
 */
void multiply_winograd(int64_t m, const IndirectProduct& product);

/** Whether the gradient by the weights has tiles of m x m enough for Winograd's algorithm to be the faster. */
bool has_winograd_gradient(const WindowGeometry& g, int64_t m);

/** Adds the gradient by the weights, of a window of 3 x 3 with stride 1, with tiles of m x m (2 or 4). */
void add_winograd_gradient(int64_t m, const Conv2dBackwardWeightsArgs& args);

}  // namespace ddpm::cpu::DDPM_ISA
