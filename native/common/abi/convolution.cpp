#include "ddpm/convolution.h"

#include <cmath>

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

namespace {

/** All operands of a convolution but its input. */
void add_weights_and_output(Operands& operands, Conv2dArgs& args, ddpm_mem w, ddpm_mem bias, ddpm_mem image_bias,
                            ddpm_mem residual, ddpm_mem y) {
  int64_t size = args.g.output_elements();
  args.w = operands.in(w, "w", args.g.weight_elements());
  args.bias = operands.optional_in(bias, "bias", args.g.k);
  args.image_bias = operands.optional_in(image_bias, "image_bias", args.g.n * args.g.k);
  args.residual = operands.optional_in(residual, "residual", size);
  args.y = residual != 0 && residual == y ? operands.out_in_place(y, "y", size) : operands.out(y, "y", size);
}

}  // namespace

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
    add_weights_and_output(operands, args, w, bias, image_bias, residual, y);
    PackedWeights packed(w);
    args.packed = &packed;
    dispatch(operands.device(), "conv2d", &Backend::conv2d, args);
  });
}

ddpm_status ddpm_fused_conv2d(ddpm_mem x, ddpm_mem skip, ddpm_mem gamma, ddpm_mem beta, ddpm_mem modulation, ddpm_mem w,
                              ddpm_mem bias, ddpm_mem image_bias, ddpm_mem residual, ddpm_mem y, int32_t n, int32_t h,
                              int32_t w_in, int32_t c, int32_t c_skip, int32_t groups, float eps, int32_t silu,
                              int32_t k, int32_t r, int32_t s, int32_t stride_h, int32_t stride_w, int32_t pad_top,
                              int32_t pad_left, int32_t pad_bottom, int32_t pad_right) {
  return guard([&] {
    require(c >= 1, "c", c, "at least 1");
    require(skip == 0 ? c_skip == 0 : c_skip >= 1, "c_skip", c_skip, "0 without skip, at least 1 with it");
    int64_t channels = int64_t{c} + c_skip;
    FusedConv2dArgs args{};
    Conv2dArgs& conv = args.conv;
    conv.g =
        checked_window(n, h, w_in, channels, k, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right);
    if ((gamma == 0) != (beta == 0) || (gamma == 0 && modulation != 0))
      fail(DDPM_INVALID_ARGUMENT,
           "fused_conv2d: gamma and beta must both be null or both be given, and modulation null if they are");
    if (gamma != 0) {
      require(groups >= 1 && channels % groups == 0, "groups", groups, "a divisor of the channels");
      require(eps > 0 && std::isfinite(eps), "eps", eps, "a positive number");
    }
    Operands operands("fused_conv2d");
    conv.x = operands.in(x, "x", conv.g.input_elements() / channels * c);
    args.skip = operands.optional_in(skip, "skip", conv.g.input_elements() / channels * c_skip);
    args.skip_c = c_skip;
    args.gamma = operands.optional_in(gamma, "gamma", channels);
    args.beta = operands.optional_in(beta, "beta", channels);
    args.modulation = operands.optional_in(modulation, "modulation", n * 2 * channels);
    args.groups = groups;
    args.eps = eps;
    args.silu = silu != 0;
    add_weights_and_output(operands, conv, w, bias, image_bias, residual, y);
    PackedWeights packed(w);
    conv.packed = &packed;
    dispatch(operands.device(), "fused_conv2d", &Backend::fused_conv2d, args);
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
