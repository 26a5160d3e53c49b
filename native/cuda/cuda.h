#pragma once
#include "common/backend.h"

/**
 * The CUDA backend: ops that have kernels, of the device that select_for_op was given last on the calling thread and in
 * the order of its stream. Memory of the arguments is that device's, except where they are host memory on every backend
 * (chunks, partial and report of the optimal denoiser). Tests run it as backend `simt`, on the engine of tests/simt.
 */
namespace ddpm::cuda {

const Backend* backend();

// accelerator.cu
void select_for_op(int device);

// memory.cu
ddpm_status copy_from_host(const CopyArgs& args);
ddpm_status copy_to_host(const CopyArgs& args);
ddpm_status copy(const CopyArgs& args);
ddpm_status fill(const FillArgs& args);

// optimal.cu
ddpm_status optimal_partial(const OptimalPartialArgs& args);

}  // namespace ddpm::cuda
