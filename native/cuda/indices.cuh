#pragma once
#include "cuda/device.h"

namespace ddpm::cuda {

/**
 * Throws DDPM_INVALID_ARGUMENT with the first of n indices, which came as floats, that is no whole number in [0,
 * limit). It waits for the stream: nothing may be written before the answer is known.
 */
void check_indices(const char* name, const float* indices, int64_t n, int64_t limit);

}  // namespace ddpm::cuda
