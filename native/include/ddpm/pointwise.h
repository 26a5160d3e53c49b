#pragma once
#include "ddpm/memory.h"

/** Operations on single elements, rows and tables, float32. */
#ifdef __cplusplus
extern "C" {
#endif

/** y = x / (1 + exp(-x)); y may be x. */
ddpm_status ddpm_silu(ddpm_mem x, ddpm_mem y, int64_t count);

/** dx = dy * d silu(x) / dx; dx may be dy. */
ddpm_status ddpm_silu_backward(ddpm_mem x, ddpm_mem dy, ddpm_mem dx, int64_t count);

/** y = a + b; y may be a or b. */
ddpm_status ddpm_add(ddpm_mem a, ddpm_mem b, ddpm_mem y, int64_t count);

/** y = factor * x; y may be x. */
ddpm_status ddpm_scale(ddpm_mem x, ddpm_mem y, int64_t count, float factor);

/** y [rows,ca+cb] = the channels of a [rows,ca], then those of b [rows,cb]. */
ddpm_status ddpm_concat(ddpm_mem a, ddpm_mem b, ddpm_mem y, int64_t rows, int32_t ca, int32_t cb);

/** da, db = the two parts of dy, overwritten; either may be 0. */
ddpm_status ddpm_concat_backward(ddpm_mem dy, ddpm_mem da, ddpm_mem db, int64_t rows, int32_t ca, int32_t cb);

/** y [N,C] = sum of x [N,pixels,C] over pixels: the gradient of a bias per image and channel. */
ddpm_status ddpm_sum_pixels(ddpm_mem x, ddpm_mem y, int32_t n, int32_t pixels, int32_t c);

/**
 * Sinusoidal embedding of timesteps (arXiv 1706.03762, section 3.5; diffusers get_timestep_embedding): out [N,dim] =
 * [sin(t f_k), cos(t f_k)], or cosines first if flip_sin_to_cos, with f_k = exp(-ln(10000) k / (dim/2 - freq_shift)).
 * t [N] holds timesteps as floats; dim is even. f_k and t f_k are rounded to float, as PyTorch does.
 */
ddpm_status ddpm_time_embedding(ddpm_mem t, ddpm_mem out, int32_t n, int32_t dim, int32_t flip_sin_to_cos,
                                float freq_shift);

/** out [N,dim] = rows of table [entries,dim]; indices [N] are whole floats in [0, entries). */
ddpm_status ddpm_embedding(ddpm_mem table, ddpm_mem indices, ddpm_mem out, int32_t n, int32_t entries, int32_t dim);

/** dtable [entries,dim] += dy [N,dim] at the rows of indices. */
ddpm_status ddpm_embedding_backward(ddpm_mem dy, ddpm_mem indices, ddpm_mem dtable, int32_t n, int32_t entries,
                                    int32_t dim);

#ifdef __cplusplus
}
#endif
