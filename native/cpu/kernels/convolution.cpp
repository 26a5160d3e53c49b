// Convolution and its gradient by the input, both as indirect products.
//
// The gradient by the input is the convolution with the roles of input and output exchanged: an input pixel is a sum
// over the taps through which it was seen. With a stride, input pixels fall into classes (row and column modulo the
// stride) that are seen by different taps; each class is a product of its own, so no multiplication by an inserted zero
// is done.
//
// Convolutions with few channels on one side have their own ways, see convolution_few.h. Windows of 3 x 3 with stride 1
// go to Winograd's algorithm where that is faster. Their gradient by the input is the
// convolution with the window turned by half a turn.
#include "cpu/kernels/convolution_few.h"
#include "cpu/kernels/indirect_product.h"
#include "cpu/kernels/normalization.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/vector.h"
#include "cpu/kernels/winograd.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

Axis forward_axis(int64_t in, int64_t out, int64_t window, int64_t stride, int64_t pad) {
  return {out, 0, 1, in, window, -pad, stride, 1};
}

/** First tap that sees inputs at a phase of the stride; the others follow a stride apart. */
int64_t first_tap(int64_t phase, int64_t stride, int64_t pad) { return (phase + pad) % stride; }

/** Inputs at one phase of the stride, as targets whose sources are outputs. */
Axis backward_axis(int64_t in, int64_t out, int64_t window, int64_t stride, int64_t pad, int64_t phase) {
  int64_t first = first_tap(phase, stride, pad);
  int64_t taps = first < window ? divide_up(window - first, stride) : 0;
  return {divide_up(in - phase, stride), phase, stride, out, taps, (phase + pad - first) / stride, 1, -1};
}

}  // namespace

ddpm_status conv2d(const Conv2dArgs& a) {
  FusedConv2dArgs args{};
  args.conv = a;
  return fused_conv2d(args);
}

ddpm_status fused_conv2d(const FusedConv2dArgs& a) {
  const WindowGeometry& g = a.conv.g;
  int64_t m = winograd_tile(g, g.oh, g.ow, g.c, g.k);
  bool direct = m == 0, rounds = precision() == Precision::kBfloat16, few_outputs = has_few_outputs(g) && !rounds;
  // The direct product reads its input once per panel and tap, and would normalise it as often.
  if (a.gamma != nullptr && direct) return DDPM_NOT_SUPPORTED;
  // Rounding makes a copy of the input, which may as well be joined; few outputs are not read from two places.
  if (a.skip != nullptr && direct && (rounds || few_outputs)) return DDPM_NOT_SUPPORTED;
  if (direct && few_outputs) {
    convolve_few_outputs(a.conv);
    return DDPM_OK;
  }
  IndirectProduct p{};
  p.images = g.n;
  p.vertical = forward_axis(g.h, g.oh, g.r, g.stride_h, g.pad_top);
  p.horizontal = forward_axis(g.w, g.ow, g.s, g.stride_w, g.pad_left);
  p.from = {a.conv.x, a.skip, g.c - a.skip_c, a.skip_c};
  p.y = a.conv.y;
  p.height = g.oh;
  p.width = g.ow;
  p.bias = a.conv.bias;
  p.image_bias = a.conv.image_bias;
  p.residual = a.conv.residual;
  if (a.gamma != nullptr) {
    float* coefficients = scratch<float>(kNormalization, g.n * kNormCoefficients * g.c);
    norm_coefficients(norm_of(a), p.from, coefficients);
    p.coefficients = coefficients;
    p.silu = a.silu;
  }
  if (m > 0) {
    int64_t tiles = g.n * divide_up(g.oh, m) * divide_up(g.ow, m);
    p.weights = winograd_weights(a.conv.packed, m, tiles, a.conv.w, g.k, g.c);
    multiply_winograd(m, p);
  } else {
    p.weights = pack_by_output(a.conv.packed, a.conv.w, g.k, g.r * g.s, g.c, precision());
    bool few_inputs = a.skip == nullptr && has_few_inputs(g) && !rounds;
    few_inputs ? convolve_few_inputs(a.conv, p.weights) : multiply(p);
  }
  return DDPM_OK;
}

ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& a) {
  const WindowGeometry& g = a.g;
  IndirectProduct p{};
  p.images = g.n;
  p.from = {a.dy, nullptr, g.k, 0};
  p.y = a.dx;
  p.height = g.h;
  p.width = g.w;
  p.bias = a.bias;
  if (int64_t m = winograd_tile(g, g.h, g.w, g.k, g.c)) {
    p.weights = transform_by_input(m, a.w, g.k, g.c);
    p.vertical = forward_axis(g.oh, g.h, 3, 1, 2 - g.pad_top);
    p.horizontal = forward_axis(g.ow, g.w, 3, 1, 2 - g.pad_left);
    multiply_winograd(m, p);
    return DDPM_OK;
  }
  int64_t phases_h = g.stride_h < g.h ? g.stride_h : g.h, phases_w = g.stride_w < g.w ? g.stride_w : g.w;
  // The taps of each class together, in the order that its axes count them.
  int64_t* order = scratch<int64_t>(kTapOrder, g.r * g.s);
  int64_t ordered = 0;
  for (int64_t phase_h = 0; phase_h < phases_h; ++phase_h)
    for (int64_t phase_w = 0; phase_w < phases_w; ++phase_w)
      for (int64_t r = first_tap(phase_h, g.stride_h, g.pad_top); r < g.r; r += g.stride_h)
        for (int64_t s = first_tap(phase_w, g.stride_w, g.pad_left); s < g.s; s += g.stride_w)
          order[ordered++] = r * g.s + s;
  p.weights = pack_by_input(a.w, g.k, g.r * g.s, g.c, order, ordered);
  for (int64_t phase_h = 0; phase_h < phases_h; ++phase_h)
    for (int64_t phase_w = 0; phase_w < phases_w; ++phase_w) {
      p.vertical = backward_axis(g.h, g.oh, g.r, g.stride_h, g.pad_top, phase_h);
      p.horizontal = backward_axis(g.w, g.ow, g.s, g.stride_w, g.pad_left, phase_w);
      multiply(p);
      p.first_tap += p.vertical.taps * p.horizontal.taps;
    }
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
