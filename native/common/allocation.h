#pragma once
#include <cstddef>

namespace ddpm {

/**
 * Memory aligned to 64 bytes, or null; std::free releases it. Large memory lies on huge pages where the system has them
 * to give: with small ones, kernels that stream or step through it wait for address translation.
 */
void* allocate_aligned(size_t bytes);

}  // namespace ddpm
