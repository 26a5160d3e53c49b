#pragma once
#include "ddpm/memory.h"

/** Losses and optimisers, float32. */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * Mean squared error over [images,per_image]: losses [images] = each image's own mean; dprediction, optional and
 * overwritten, is the gradient of grad_scale * (mean over all elements).
 */
ddpm_status ddpm_mse(ddpm_mem prediction, ddpm_mem target, ddpm_mem losses, ddpm_mem dprediction, int32_t images,
                     int64_t per_image, float grad_scale);

/**
 * Softmax cross-entropy of logits [rows,classes] with labels [rows] (whole floats): losses [rows]; dlogits, optional
 * and overwritten, is the gradient of the mean over rows.
 */
ddpm_status ddpm_cross_entropy(ddpm_mem logits, ddpm_mem labels, ddpm_mem losses, ddpm_mem dlogits, int32_t rows,
                               int32_t classes);

/**
 * Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) as PyTorch computes it. step counts from 1; the gradient is
 * multiplied by grad_scale first. denominator = sqrt(v / (1 - beta2^step)) + eps.
 */
ddpm_status ddpm_adam(ddpm_mem parameters, ddpm_mem gradients, ddpm_mem m, ddpm_mem v, int64_t count, int64_t step,
                      float learning_rate, float beta1, float beta2, float eps, float grad_scale);

/** Exponential moving average: average = decay * average + (1 - decay) * parameters. */
ddpm_status ddpm_ema(ddpm_mem average, ddpm_mem parameters, int64_t count, float decay);

/** *sum = the sum of x^2 in double precision, in an order that depends on count only. */
ddpm_status ddpm_sum_squares(ddpm_mem x, int64_t count, double* sum);

#ifdef __cplusplus
}
#endif
