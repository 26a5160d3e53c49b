#pragma once
#include <cmath>

#include "cuda/device.h"

namespace ddpm::cuda {

/** x / (1 + exp(-x)). */
DDPM_DEVICE float silu_of(float x) { return x / (1.0f + expf(-x)); }

/** Its derivative. */
DDPM_DEVICE float silu_slope(float x) {
  float s = 1.0f / (1.0f + expf(-x));
  return s * (1.0f + x * (1.0f - s));
}

}  // namespace ddpm::cuda
