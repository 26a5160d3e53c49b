#pragma once
#include "cuda/device.h"

namespace ddpm::cuda {

/** The index that came as a float, or -1 if that is no whole number in [0, limit). */
DDPM_DEVICE int64_t index_of(float value, int64_t limit) {
  int64_t index = value >= 0 && value < static_cast<float>(limit) ? static_cast<int64_t>(value) : -1;
  return index < limit && static_cast<float>(index) == value ? index : -1;
}

/**
 * Throws DDPM_INVALID_ARGUMENT with the first of n bad indices. It waits for the stream: nothing may be written before
 * the answer is known. A stream that captures cannot be waited for; there, kernels give NaN for a bad index.
 */
void check_indices(const char* name, const float* indices, int64_t n, int64_t limit);

}  // namespace ddpm::cuda
