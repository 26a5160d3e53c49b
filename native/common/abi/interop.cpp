#include "ddpm/interop.h"

#include "common/accelerator.h"
#include "common/blocks.h"
#include "common/error.h"

using namespace ddpm;

namespace {
int64_t number_of(void* pointer) { return static_cast<int64_t>(reinterpret_cast<intptr_t>(pointer)); }
}  // namespace

extern "C" ddpm_status ddpm_device_address(ddpm_mem mem, int64_t* address) {
  return guard([&] {
    if (address == nullptr) fail(DDPM_INVALID_ARGUMENT, "address must not be null");
    Extent extent = resolve(mem);
    if (extent.device == 0) fail(DDPM_INVALID_ARGUMENT, "the memory is the CPU's, expected a CUDA device's");
    *address = number_of(extent.data);
  });
}

extern "C" ddpm_status ddpm_device_stream(int32_t device, int64_t* stream) {
  return guard([&] {
    if (stream == nullptr) fail(DDPM_INVALID_ARGUMENT, "stream must not be null");
    if (device == 0) fail(DDPM_INVALID_ARGUMENT, "device is 0 (the CPU), expected a CUDA device");
    *stream = number_of(accelerator::stream(device - 1));
  });
}
