#include "ddpm/convolution.h"

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

extern "C" {

ddpm_status ddpm_conv2d(ddpm_mem x, ddpm_mem w, ddpm_mem bias, ddpm_mem image_bias, ddpm_mem residual, ddpm_mem y,
                        int32_t n, int32_t h, int32_t w_in, int32_t c, int32_t k, int32_t r, int32_t s,
                        int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                        int32_t pad_right) {
  return guard([&] {
    Conv2dArgs args{};
    args.g = checked_window(n, h, w_in, c, k, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("conv2d");
    args.x = operands.in(x, "x", args.g.input_elements());
    args.w = operands.in(w, "w", args.g.weight_elements());
    args.bias = operands.optional_in(bias, "bias", k);
    args.image_bias = operands.optional_in(image_bias, "image_bias", int64_t{n} * k);
    args.residual = operands.optional_in(residual, "residual", args.g.output_elements());
    args.y = residual != 0 && residual == y ? operands.out_in_place(y, "y", args.g.output_elements())
                                            : operands.out(y, "y", args.g.output_elements());
    PackedWeights packed(w);
    args.packed = &packed;
    dispatch(operands.device(), "conv2d", &Backend::conv2d, args);
  });
}

ddpm_status ddpm_conv2d_backward_input(ddpm_mem dy, ddpm_mem w, ddpm_mem bias, ddpm_mem dx, int32_t n, int32_t h,
                                       int32_t w_in, int32_t c, int32_t k, int32_t r, int32_t s, int32_t stride_h,
                                       int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                                       int32_t pad_right) {
  return guard([&] {
    Conv2dBackwardInputArgs args{};
    args.g = checked_window(n, h, w_in, c, k, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("conv2d_backward_input");
    args.dy = operands.in(dy, "dy", args.g.output_elements());
    args.w = operands.in(w, "w", args.g.weight_elements());
    args.bias = operands.optional_in(bias, "bias", c);
    args.dx = operands.out(dx, "dx", args.g.input_elements());
    dispatch(operands.device(), "conv2d_backward_input", &Backend::conv2d_backward_input, args);
  });
}

ddpm_status ddpm_conv2d_backward_weights(ddpm_mem x, ddpm_mem dy, ddpm_mem dw, ddpm_mem dbias, int32_t n, int32_t h,
                                         int32_t w_in, int32_t c, int32_t k, int32_t r, int32_t s, int32_t stride_h,
                                         int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t pad_bottom,
                                         int32_t pad_right) {
  return guard([&] {
    Conv2dBackwardWeightsArgs args{};
    args.g = checked_window(n, h, w_in, c, k, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    Operands operands("conv2d_backward_weights");
    args.x = operands.in(x, "x", args.g.input_elements());
    args.dy = operands.in(dy, "dy", args.g.output_elements());
    args.dw = operands.out(dw, "dw", args.g.weight_elements());
    args.dbias = operands.optional_out(dbias, "dbias", k);
    dispatch(operands.device(), "conv2d_backward_weights", &Backend::conv2d_backward_weights, args);
  });
}

ddpm_status ddpm_linear(ddpm_mem x, ddpm_mem w, ddpm_mem bias, ddpm_mem residual, ddpm_mem y, int64_t rows,
                        int32_t in_features, int32_t out_features) {
  return guard([&] {
    int64_t in_size = elements("x", rows, in_features), out_size = elements("y", rows, out_features);
    Operands operands("linear");
    LinearArgs args{};
    args.x = operands.in(x, "x", in_size);
    args.w = operands.in(w, "w", elements("w", out_features, in_features));
    args.bias = operands.optional_in(bias, "bias", out_features);
    args.residual = operands.optional_in(residual, "residual", out_size);
    args.y = residual != 0 && residual == y ? operands.out_in_place(y, "y", out_size) : operands.out(y, "y", out_size);
    args.rows = rows;
    args.in_features = in_features;
    args.out_features = out_features;
    PackedWeights packed(w);
    args.packed = &packed;
    dispatch(operands.device(), "linear", &Backend::linear, args);
  });
}

ddpm_status ddpm_linear_backward_input(ddpm_mem dy, ddpm_mem w, ddpm_mem dx, int64_t rows, int32_t in_features,
                                       int32_t out_features) {
  return guard([&] {
    Operands operands("linear_backward_input");
    LinearBackwardInputArgs args{};
    args.dy = operands.in(dy, "dy", elements("dy", rows, out_features));
    args.w = operands.in(w, "w", elements("w", out_features, in_features));
    args.dx = operands.out(dx, "dx", elements("dx", rows, in_features));
    args.rows = rows;
    args.in_features = in_features;
    args.out_features = out_features;
    dispatch(operands.device(), "linear_backward_input", &Backend::linear_backward_input, args);
  });
}

ddpm_status ddpm_linear_backward_weights(ddpm_mem x, ddpm_mem dy, ddpm_mem dw, ddpm_mem dbias, int64_t rows,
                                         int32_t in_features, int32_t out_features) {
  return guard([&] {
    Operands operands("linear_backward_weights");
    LinearBackwardWeightsArgs args{};
    args.x = operands.in(x, "x", elements("x", rows, in_features));
    args.dy = operands.in(dy, "dy", elements("dy", rows, out_features));
    args.dw = operands.out(dw, "dw", elements("dw", out_features, in_features));
    args.dbias = operands.optional_out(dbias, "dbias", out_features);
    args.rows = rows;
    args.in_features = in_features;
    args.out_features = out_features;
    dispatch(operands.device(), "linear_backward_weights", &Backend::linear_backward_weights, args);
  });
}
}
