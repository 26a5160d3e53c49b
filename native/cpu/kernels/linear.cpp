// Linear maps and their gradients: convolutions of rows of pixels by a window of one.
#include "cpu/kernels/indirect_product.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** y [rows,columns] = x [rows,depth] by the weights. */
IndirectProduct row_product(int64_t rows, const float* x, PackedPanels weights, float* y) {
  IndirectProduct p{};
  p.images = 1;
  p.vertical = {1, 0, 1, 1, 1, 0, 1, 1};
  p.horizontal = {rows, 0, 1, rows, 1, 0, 1, 1};
  p.x = x;
  p.y = y;
  p.height = 1;
  p.width = rows;
  p.weights = weights;
  return p;
}

}  // namespace

ddpm_status linear(const LinearArgs& a) {
  IndirectProduct p =
      row_product(a.rows, a.x, pack_by_output(a.packed, a.w, a.out_features, 1, a.in_features, precision()), a.y);
  p.bias = a.bias;
  p.residual = a.residual;
  multiply(p);
  return DDPM_OK;
}

ddpm_status linear_backward_input(const LinearBackwardInputArgs& a) {
  const int64_t order[] = {0};
  multiply(row_product(a.rows, a.dy, pack_by_input(a.w, a.out_features, 1, a.in_features, order, 1), a.dx));
  return DDPM_OK;
}

ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& a) {
  WindowGeometry g{};
  g.n = g.h = g.oh = g.r = g.s = g.stride_h = g.stride_w = 1;
  g.w = g.ow = a.rows;
  g.c = a.in_features;
  g.k = a.out_features;
  return conv2d_backward_weights({g, a.x, a.dy, a.dw, a.dbias});
}

}  // namespace ddpm::cpu::DDPM_ISA
