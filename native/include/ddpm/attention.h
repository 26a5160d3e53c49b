#pragma once
#include "ddpm/memory.h"

/** Multi-head scaled dot-product attention, float32. */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * For every image and head: o = softmax(scale * q k') v over the tokens.
 *
 * q, k, v, o are [N,T,heads*head_dim]; log_sum_exp [N,heads,T] keeps the logarithm of each row's softmax denominator
 * (maximum included) for the backward pass, and may be 0 when none follows.
 */
ddpm_status ddpm_attention(ddpm_mem q, ddpm_mem k, ddpm_mem v, ddpm_mem o, ddpm_mem log_sum_exp, int32_t n,
                           int32_t tokens, int32_t heads, int32_t head_dim, float scale);

/** dq, dk, dv = gradients of attention, overwritten; o and log_sum_exp as the forward pass left them. */
ddpm_status ddpm_attention_backward(ddpm_mem q, ddpm_mem k, ddpm_mem v, ddpm_mem o, ddpm_mem log_sum_exp, ddpm_mem d_o,
                                    ddpm_mem dq, ddpm_mem dk, ddpm_mem dv, int32_t n, int32_t tokens, int32_t heads,
                                    int32_t head_dim, float scale);

#ifdef __cplusplus
}
#endif
