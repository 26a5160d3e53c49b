#include "cuda/cuda.h"
#include "cuda/device.h"

namespace ddpm::cuda {

const Backend* backend() {
  static const Backend table = [] {
    Backend b;
    b.name = kBackendName;
    b.conv2d = conv2d;
    b.conv2d_backward_input = conv2d_backward_input;
    b.conv2d_backward_weights = conv2d_backward_weights;
    b.linear = linear;
    b.linear_backward_input = linear_backward_input;
    b.linear_backward_weights = linear_backward_weights;
    b.optimal_partial = optimal_partial;
    return b;
  }();
  return &table;
}

}  // namespace ddpm::cuda
