// What a build without CUDA has in place of cuda/accelerator.cpp.
#include "common/accelerator.h"

namespace ddpm::accelerator {
namespace {
[[noreturn]] void no_device(int device) {
  fail(DDPM_INVALID_ARGUMENT, "device is %d, expected 0 (the CPU): %s", device + 1, status());
}
}  // namespace

int count() { return 0; }
const char* status() { return "this build has no CUDA kernels"; }
const Properties& properties(int device) { no_device(device); }
void require_usable(int device) { no_device(device); }
const Backend* backend() { return nullptr; }
void* allocate(int device, int64_t) { no_device(device); }
void release(int, void*) {}
void synchronize(int device) { no_device(device); }
void* stream(int device) { no_device(device); }
double seconds(int device, const std::function<void()>&, const std::function<void()>&) { no_device(device); }
void begin_capture(int device) { no_device(device); }
Graph* end_capture(int device) { no_device(device); }
void run(Graph*) {}
void release(Graph*) {}
void begin_range(const char*) {}
void end_range() {}

}  // namespace ddpm::accelerator
