#pragma once
#include "ddpm/memory.h"

/**
 * Two-dimensional convolution and linear maps, float32.
 *
 * Activations are [N,H,W,C], weights [K,R,S,C] (output channel, kernel row, kernel column, input channel).
 * The output is OH = (H + pad_top + pad_bottom - R) / stride_h + 1 high and OW wide likewise.
 * A sum over R, S, C is taken in an order that depends on the shape of one image only.
 */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * y[n,oh,ow,k] = bias[k] + image_bias[n,k] + residual[n,oh,ow,k] + sum x[n, oh*stride_h - pad_top + r, ...] w[k,r,s,c].
 *
 * bias [K], image_bias [N,K] and residual [N,OH,OW,K] are optional (0). y may be the same memory as residual.
 */
ddpm_status ddpm_conv2d(ddpm_mem x, ddpm_mem w, ddpm_mem bias, ddpm_mem image_bias, ddpm_mem residual, ddpm_mem y,
                        int32_t n, int32_t h, int32_t w_in, int32_t c, int32_t k, int32_t r, int32_t s,
                        int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                        int32_t pad_right);

/**
 * dx = gradient of the convolution by its input, overwritten; dy is [N,OH,OW,K], dx is [N,H,W,C].
 *
 * With an optional bias [C] added to dx this is also the forward pass of the transposed convolution whose adjoint the
 * geometry describes.
 */
ddpm_status ddpm_conv2d_backward_input(ddpm_mem dy, ddpm_mem w, ddpm_mem bias, ddpm_mem dx, int32_t n, int32_t h,
                                       int32_t w_in, int32_t c, int32_t k, int32_t r, int32_t s, int32_t stride_h,
                                       int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                                       int32_t pad_right);

/**
 * How ddpm_conv2d and ddpm_conv2d_backward_input compute 3 x 3 windows with stride 1: "auto" (the default), "direct",
 * "winograd2" or "winograd4".
 *
 * "auto" takes Winograd's algorithm (Lavin and Gray, arXiv 1509.09308) where it is faster, which a table or else a rule
 * says by the height, width and channels of one image. "direct" sums the defining products; "winograd2" and "winograd4"
 * take tiles of 2 x 2 and 4 x 4 outputs always. Errors, relative to the root mean square of outputs of normal operands
 * over 64 channels: direct 4e-7 root mean square and 4e-6 at most, winograd2 3e-7 and 1e-6, winograd4 8e-7 and 7e-6. An
 * infinity or NaN of the input makes all of a tile's outputs NaN with Winograd's algorithm.
 */
const char* ddpm_convolution_algorithm(void);

/** Selects the algorithm for the whole process. */
ddpm_status ddpm_set_convolution_algorithm(const char* name);

/**
 * Replaces the table of choices that "auto" looks a shape up in before it falls back on a rule: count rows of height
 * and width of the output, channels that are summed over, channels of the output, and tile, which is 0 for direct
 * convolution, 2 or 4. With no rows there is no table. It holds for the whole process, and for gradients by the input
 * too, whose output is dx.
 */
ddpm_status ddpm_set_convolution_table(const int32_t* rows, int32_t count);

/** "direct", "winograd2" or "winograd4": how a 3 x 3 convolution of such a row is computed now. */
const char* ddpm_convolution_choice(int32_t height, int32_t width, int32_t depth, int32_t columns);

/** Begins to note the shapes of the 3 x 3 convolutions with stride 1 that the calling thread asks for. */
void ddpm_note_convolutions(void);

/**
 * Ends that. Writes as many rows of height, width, depth and columns as the capacity allows, every shape once in the
 * order they came in, and returns how many there were.
 */
int32_t ddpm_noted_convolutions(int32_t* rows, int32_t capacity);

/** dw += gradient by the weights; dbias [K], optional, += sum of dy over images and pixels. */
ddpm_status ddpm_conv2d_backward_weights(ddpm_mem x, ddpm_mem dy, ddpm_mem dw, ddpm_mem dbias, int32_t n, int32_t h,
                                         int32_t w_in, int32_t c, int32_t k, int32_t r, int32_t s, int32_t stride_h,
                                         int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                                         int32_t pad_right);

/** y[i,o] = bias[o] + residual[i,o] + sum_j x[i,j] w[o,j]; bias and residual are optional, y may be residual. */
ddpm_status ddpm_linear(ddpm_mem x, ddpm_mem w, ddpm_mem bias, ddpm_mem residual, ddpm_mem y, int64_t rows,
                        int32_t in_features, int32_t out_features);

/** dx = dy w, overwritten. */
ddpm_status ddpm_linear_backward_input(ddpm_mem dy, ddpm_mem w, ddpm_mem dx, int64_t rows, int32_t in_features,
                                       int32_t out_features);

/** dw += dy' x; dbias, optional, += column sums of dy. */
ddpm_status ddpm_linear_backward_weights(ddpm_mem x, ddpm_mem dy, ddpm_mem dw, ddpm_mem dbias, int64_t rows,
                                         int32_t in_features, int32_t out_features);

#ifdef __cplusplus
}
#endif
