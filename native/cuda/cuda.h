#pragma once
#include "common/backend.h"

/**
 * The CUDA backend: ops that have kernels, on the current device's default stream. Memory of the arguments is that
 * device's, except where they are host memory on every backend (chunks, partial and report of the optimal denoiser).
 *
 * No device uses it yet. Tests run it as backend `simt`, on the engine of tests/simt.
 */
namespace ddpm::cuda {

const Backend* backend();

// convolution.cu
ddpm_status conv2d(const Conv2dArgs& args);
ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& args);
ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& args);
ddpm_status linear(const LinearArgs& args);
ddpm_status linear_backward_input(const LinearBackwardInputArgs& args);
ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& args);

// optimal.cu
ddpm_status optimal_partial(const OptimalPartialArgs& args);

}  // namespace ddpm::cuda
