#include "ddpm/interop.h"

#include "common/blocks.h"
#include "common/error.h"

using namespace ddpm;

extern "C" ddpm_status ddpm_device_address(ddpm_mem mem, int64_t* address) {
  return guard([&] {
    if (address == nullptr) fail(DDPM_INVALID_ARGUMENT, "address must not be null");
    Extent extent = resolve(mem);
    if (extent.device == 0) fail(DDPM_INVALID_ARGUMENT, "the memory is the CPU's, expected a CUDA device's");
    *address = static_cast<int64_t>(reinterpret_cast<intptr_t>(extent.data));
  });
}
