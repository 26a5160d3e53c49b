#pragma once
#include "ddpm/memory.h"

/** Noise, the forward process and the sampler's update, float32. */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * Standard normal numbers, counter-based: Philox4x32-10 (Salmon et al., SC 2011) and Box-Muller.
 *
 * out is [images,per_image]. Image i draws from stream (seed, first_image + i), position draw; so its numbers depend on
 * neither the batch nor the other images, and are the same bits on every instruction set. Key = (seed low, seed high);
 * counter = (element / 4, draw, image low, image high).
 */
ddpm_status ddpm_randn(ddpm_mem out, int32_t images, int64_t per_image, int64_t seed, int64_t first_image,
                       int32_t draw);

/** y = x / (1 - p) with probability 1 - p, else 0, by the uniform numbers of the same Philox stream; y may be x. */
ddpm_status ddpm_dropout(ddpm_mem x, ddpm_mem y, int32_t images, int64_t per_image, float p, int64_t seed,
                         int64_t first_image, int32_t draw);

/** Forward process q(x_t | x_0) (arXiv 2006.11239, eq. 4): xt[n,i] = signal[n] * x0[n,i] + sigma[n] * noise[n,i]. */
ddpm_status ddpm_q_sample(ddpm_mem x0, ddpm_mem noise, ddpm_mem signal, ddpm_mem sigma, ddpm_mem xt, int32_t images,
                          int64_t per_image);

/**
 * One step of the reverse process, for DDPM, DDIM and every sampler whose step is linear in x_t, model output and
 * noise:
 * x0 = clamp(x0_from_xt * xt + x0_from_output * output, -clip, clip), then
 * out = from_x0 * x0 + from_xt * xt + from_output * output + from_noise * noise.
 *
 * clip is +infinity for no clipping. noise may be 0 if from_noise is 0. x0, optional, receives the prediction of x_0.
 * out may be xt.
 */
ddpm_status ddpm_reverse_step(ddpm_mem xt, ddpm_mem output, ddpm_mem noise, ddpm_mem out, ddpm_mem x0, int64_t count,
                              float x0_from_xt, float x0_from_output, float clip, float from_x0, float from_xt,
                              float from_output, float from_noise);

/**
 * out = weights[0] * x[0] + ... + weights[terms - 1] * x[terms - 1], summed in this order: the update of a sampler that
 * remembers earlier outputs. terms is 1 to 8; out may be any of x. A term whose weight is 0 is left out, whatever its
 * x.
 */
ddpm_status ddpm_linear_combination(const ddpm_mem* x, const float* weights, int32_t terms, ddpm_mem out,
                                    int64_t count);

#ifdef __cplusplus
}
#endif
