#pragma once
#include "ddpm/memory.h"

/** Up-sampling by two and pooling over [N,H,W,C], float32. */
#ifdef __cplusplus
extern "C" {
#endif

/** y [N,2H,2W,C]: every pixel of x four times. */
ddpm_status ddpm_upsample_nearest(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c);
ddpm_status ddpm_upsample_nearest_backward(ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c);

/** y [N,2H,2W,C]: bilinear interpolation with half-pixel centres (PyTorch's align_corners=False). */
ddpm_status ddpm_upsample_bilinear(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c);
ddpm_status ddpm_upsample_bilinear_backward(ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c);

/** Maximum over r x s windows; padding counts as minus infinity and must be less than the window. */
ddpm_status ddpm_max_pool(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c, int32_t r, int32_t s,
                          int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                          int32_t pad_right);

/** dx, overwritten: each dy goes to the first maximum of its window in row-major order. */
ddpm_status ddpm_max_pool_backward(ddpm_mem x, ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c,
                                   int32_t r, int32_t s, int32_t stride_h, int32_t stride_w, int32_t pad_top,
                                   int32_t pad_left, int32_t pad_bottom, int32_t pad_right);

/** Mean over r x s windows; padding is zeros if count_padding is not 0, else left out of the mean. */
ddpm_status ddpm_average_pool(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c, int32_t r, int32_t s,
                              int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                              int32_t pad_right, int32_t count_padding);
ddpm_status ddpm_average_pool_backward(ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c, int32_t r,
                                       int32_t s, int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left,
                                       int32_t pad_bottom, int32_t pad_right, int32_t count_padding);

#ifdef __cplusplus
}
#endif
