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

// optimal.cu
ddpm_status optimal_partial(const OptimalPartialArgs& args);

}  // namespace ddpm::cuda
