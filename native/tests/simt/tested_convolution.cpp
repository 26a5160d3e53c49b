// Runs the cases of convolutions and linear maps on the CUDA kernels: operands go to the engine's memory and back.
#include <cstring>

#include "cuda/cuda.h"
#include "simt/checker.h"
#include "simt/engine.h"

namespace ddpm {
namespace {

/** Every other op gets operands on multiples of 16 bytes, as the kernels like them, the rest on odd ones. */
int64_t offset = 0;

/** A copy in device memory, which ends where it should; null for none. */
class OnDevice {
 public:
  OnDevice(const float* values, int64_t count) : count_(count) {
    if (values == nullptr) return;
    memory_ = static_cast<float*>(simt::allocate(static_cast<size_t>(offset + count) * sizeof(float)));
    copy_ = memory_ + offset;
    std::memcpy(copy_, values, bytes());
    simt::note_host_write(copy_, bytes());
  }
  ~OnDevice() {
    if (memory_ != nullptr) simt::release(memory_);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  operator float*() const { return copy_; }
  void copy_to(float* values) const {
    if (copy_ != nullptr) std::memcpy(values, copy_, bytes());
  }

 private:
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(float); }

  int64_t count_;
  float *memory_ = nullptr, *copy_ = nullptr;
};

template <class Args>
ddpm_status run(Backend::Op<Args> Backend::*op, const Args& args) {
  ddpm_status status = (cuda::backend()->*op)(args);
  if (status == DDPM_NOT_SUPPORTED) fail(DDPM_INTERNAL_ERROR, "the CUDA kernels decline the case");
  return status;
}

ddpm_status conv2d(const Conv2dArgs& a) {
  offset = 1 - offset;
  const WindowGeometry& g = a.g;
  OnDevice x(a.x, g.input_elements()), w(a.w, g.weight_elements()), bias(a.bias, g.k);
  OnDevice image_bias(a.image_bias, g.n * g.k), residual(a.residual, g.output_elements());
  OnDevice y(a.y, g.output_elements());
  float* to = a.residual == a.y ? residual : y;
  ddpm_status status = run(&Backend::conv2d, Conv2dArgs{g, x, w, bias, image_bias, residual, to, nullptr});
  (a.residual == a.y ? residual : y).copy_to(a.y);
  return status;
}

ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& a) {
  offset = 1 - offset;
  const WindowGeometry& g = a.g;
  OnDevice dy(a.dy, g.output_elements()), w(a.w, g.weight_elements()), bias(a.bias, g.c), dx(a.dx, g.input_elements());
  ddpm_status status = run(&Backend::conv2d_backward_input, Conv2dBackwardInputArgs{g, dy, w, bias, dx});
  dx.copy_to(a.dx);
  return status;
}

ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& a) {
  offset = 1 - offset;
  const WindowGeometry& g = a.g;
  OnDevice x(a.x, g.input_elements()), dy(a.dy, g.output_elements());
  OnDevice dw(a.dw, g.weight_elements()), dbias(a.dbias, g.k);
  ddpm_status status = run(&Backend::conv2d_backward_weights, Conv2dBackwardWeightsArgs{g, x, dy, dw, dbias});
  dw.copy_to(a.dw);
  dbias.copy_to(a.dbias);
  return status;
}

ddpm_status linear(const LinearArgs& a) {
  offset = 1 - offset;
  int64_t results = a.rows * a.out_features;
  OnDevice x(a.x, a.rows * a.in_features), w(a.w, a.out_features * a.in_features), bias(a.bias, a.out_features);
  OnDevice residual(a.residual, results), y(a.y, results);
  float* to = a.residual == a.y ? residual : y;
  ddpm_status status =
      run(&Backend::linear, LinearArgs{x, w, bias, residual, to, nullptr, a.rows, a.in_features, a.out_features});
  (a.residual == a.y ? residual : y).copy_to(a.y);
  return status;
}

ddpm_status linear_backward_input(const LinearBackwardInputArgs& a) {
  offset = 1 - offset;
  OnDevice dy(a.dy, a.rows * a.out_features), w(a.w, a.out_features * a.in_features), dx(a.dx, a.rows * a.in_features);
  ddpm_status status =
      run(&Backend::linear_backward_input, LinearBackwardInputArgs{dy, w, dx, a.rows, a.in_features, a.out_features});
  dx.copy_to(a.dx);
  return status;
}

ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& a) {
  offset = 1 - offset;
  OnDevice x(a.x, a.rows * a.in_features), dy(a.dy, a.rows * a.out_features);
  OnDevice dw(a.dw, a.out_features * a.in_features), dbias(a.dbias, a.out_features);
  ddpm_status status = run(&Backend::linear_backward_weights,
                           LinearBackwardWeightsArgs{x, dy, dw, dbias, a.rows, a.in_features, a.out_features});
  dw.copy_to(a.dw);
  dbias.copy_to(a.dbias);
  return status;
}

const Backend table = [] {
  Backend b;
  b.name = "simt";
  b.conv2d = conv2d;
  b.conv2d_backward_input = conv2d_backward_input;
  b.conv2d_backward_weights = conv2d_backward_weights;
  b.linear = linear;
  b.linear_backward_input = linear_backward_input;
  b.linear_backward_weights = linear_backward_weights;
  return b;
}();

[[maybe_unused]] const bool set = (set_tested_backend(&table), true);

}  // namespace
}  // namespace ddpm
