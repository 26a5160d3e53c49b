#pragma once
#include "ddpm/memory.h"

/** Group normalisation (Wu and He, arXiv 1803.08494) with an optional modulation and SiLU, float32. */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * y = act(modulate(gamma * (x - mean) * rstd + beta)) over [N,pixels,C], C divisible by groups.
 *
 * mean and rstd = 1/sqrt(variance + eps) are those of one image and one group of C/groups neighbouring channels, with
 * the biased variance; they are written to statistics [N,groups,2] for the backward pass. modulation, optional, is
 * [N,2C]: modulate(v) = v * (1 + modulation[n,c]) + modulation[n,C+c]. act is SiLU if silu is not 0, else the identity.
 * y may be the same memory as x.
 */
ddpm_status ddpm_group_norm(ddpm_mem x, ddpm_mem gamma, ddpm_mem beta, ddpm_mem modulation, ddpm_mem y,
                            ddpm_mem statistics, int32_t n, int32_t pixels, int32_t c, int32_t groups, float eps,
                            int32_t silu);

/**
 * Gradients of ddpm_group_norm: dx is overwritten, dgamma and dbeta [C] are added to, dmodulation [N,2C] is overwritten
 * (0 if and only if modulation is 0). dx may be the same memory as dy.
 */
ddpm_status ddpm_group_norm_backward(ddpm_mem x, ddpm_mem gamma, ddpm_mem beta, ddpm_mem modulation,
                                     ddpm_mem statistics, ddpm_mem dy, ddpm_mem dx, ddpm_mem dgamma, ddpm_mem dbeta,
                                     ddpm_mem dmodulation, int32_t n, int32_t pixels, int32_t c, int32_t groups,
                                     int32_t silu);

#ifdef __cplusplus
}
#endif
