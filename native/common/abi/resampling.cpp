#include "ddpm/resampling.h"

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

namespace {

/** Runs an up-sampling between a small [N,H,W,C] and a large [N,2H,2W,C]. */
ddpm_status upsample(const char* name, Backend::Op<UpsampleArgs> Backend::*op, bool backward, ddpm_mem src,
                     ddpm_mem dst, int32_t n, int32_t h, int32_t w, int32_t c) {
  return guard([&] {
    int64_t small = elements("small picture", n, h, w, c), large = elements("large picture", n, h, w, c, 4);
    Operands operands(name);
    UpsampleArgs args{};
    args.src = operands.in(src, backward ? "dy" : "x", backward ? large : small);
    args.dst = operands.out(dst, backward ? "dx" : "y", backward ? small : large);
    args.n = n;
    args.h = h;
    args.w = w;
    args.c = c;
    dispatch(operands.device(), name, op, args);
  });
}

/** A pooling window: padding may not fill a whole window. */
WindowGeometry pooling_window(int32_t n, int32_t h, int32_t w, int32_t c, int32_t r, int32_t s, int32_t stride_h,
                              int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                              int32_t pad_right) {
  WindowGeometry g = checked_window(n, h, w, c, c, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
  for (int32_t pad : {pad_top, pad_bottom}) require(pad < r, "padding", pad, "less than the window's height");
  for (int32_t pad : {pad_left, pad_right}) require(pad < s, "padding", pad, "less than the window's width");
  return g;
}

}  // namespace

extern "C" {

ddpm_status ddpm_upsample_nearest(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c) {
  return upsample("upsample_nearest", &Backend::upsample_nearest, false, x, y, n, h, w, c);
}

ddpm_status ddpm_upsample_nearest_backward(ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c) {
  return upsample("upsample_nearest_backward", &Backend::upsample_nearest_backward, true, dy, dx, n, h, w, c);
}

ddpm_status ddpm_upsample_bilinear(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c) {
  return upsample("upsample_bilinear", &Backend::upsample_bilinear, false, x, y, n, h, w, c);
}

ddpm_status ddpm_upsample_bilinear_backward(ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c) {
  return upsample("upsample_bilinear_backward", &Backend::upsample_bilinear_backward, true, dy, dx, n, h, w, c);
}

ddpm_status ddpm_max_pool(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c, int32_t r, int32_t s,
                          int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                          int32_t pad_right) {
  return guard([&] {
    PoolArgs args{};
    args.g = pooling_window(n, h, w, c, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("max_pool");
    args.x = operands.in(x, "x", args.g.input_elements());
    args.y = operands.out(y, "y", args.g.output_elements());
    dispatch(operands.device(), "max_pool", &Backend::max_pool, args);
  });
}

ddpm_status ddpm_max_pool_backward(ddpm_mem x, ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c,
                                   int32_t r, int32_t s, int32_t stride_h, int32_t stride_w, int32_t pad_top,
                                   int32_t pad_left, int32_t pad_bottom, int32_t pad_right) {
  return guard([&] {
    PoolBackwardArgs args{};
    args.g = pooling_window(n, h, w, c, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("max_pool_backward");
    args.x = operands.in(x, "x", args.g.input_elements());
    args.dy = operands.in(dy, "dy", args.g.output_elements());
    args.dx = operands.out(dx, "dx", args.g.input_elements());
    dispatch(operands.device(), "max_pool_backward", &Backend::max_pool_backward, args);
  });
}

ddpm_status ddpm_average_pool(ddpm_mem x, ddpm_mem y, int32_t n, int32_t h, int32_t w, int32_t c, int32_t r, int32_t s,
                              int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                              int32_t pad_right, int32_t count_padding) {
  return guard([&] {
    PoolArgs args{};
    args.g = pooling_window(n, h, w, c, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("average_pool");
    args.x = operands.in(x, "x", args.g.input_elements());
    args.y = operands.out(y, "y", args.g.output_elements());
    args.count_padding = count_padding != 0;
    dispatch(operands.device(), "average_pool", &Backend::average_pool, args);
  });
}

ddpm_status ddpm_average_pool_backward(ddpm_mem dy, ddpm_mem dx, int32_t n, int32_t h, int32_t w, int32_t c, int32_t r,
                                       int32_t s, int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left,
                                       int32_t pad_bottom, int32_t pad_right, int32_t count_padding) {
  return guard([&] {
    PoolBackwardArgs args{};
    args.g = pooling_window(n, h, w, c, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("average_pool_backward");
    args.dy = operands.in(dy, "dy", args.g.output_elements());
    args.dx = operands.out(dx, "dx", args.g.input_elements());
    args.count_padding = count_padding != 0;
    dispatch(operands.device(), "average_pool_backward", &Backend::average_pool_backward, args);
  });
}
}
