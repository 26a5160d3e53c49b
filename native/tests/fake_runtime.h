#pragma once
#include <cstddef>

/**
 * CUDA's runtime, as far as native/cuda calls it, in which things go wrong. Device 0 works, device 1 is of compute
 * capability 7.5, for which there are no kernels, and device 2 is in use by somebody else.
 */
namespace ddpm::test {

struct FakeRuntime {
  size_t free_bytes = size_t{1} << 30; /**< the largest piece of memory that there is */
  int fault = 0;                       /**< the error of a kernel that went astray, which all calls answer */
};

extern FakeRuntime fake_runtime;

}  // namespace ddpm::test
