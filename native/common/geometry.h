#pragma once
#include <cstdint>

namespace ddpm {

/** A checked convolution or pooling window: [N,H,W,C] to [N,OH,OW,K] with an R x S window. Pooling has K = C. */
struct WindowGeometry {
  int64_t n, h, w, c, k, r, s;
  int64_t stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right;
  int64_t oh, ow;

  int64_t input_elements() const { return n * h * w * c; }
  int64_t output_elements() const { return n * oh * ow * k; }
  int64_t weight_elements() const { return k * r * s * c; }
};

/** Checks the numbers of a window and derives the output's size; throws DDPM_INVALID_ARGUMENT. */
WindowGeometry checked_window(int64_t n, int64_t h, int64_t w, int64_t c, int64_t k, int64_t r, int64_t s,
                              int64_t stride_h, int64_t stride_w, int64_t pad_top, int64_t pad_left, int64_t pad_bottom,
                              int64_t pad_right);

}  // namespace ddpm
