// The choice of the products' precision.
#include "common/precision.h"

#include <atomic>
#include <cstring>

#include "common/error.h"
#include "ddpm/device.h"

namespace ddpm {
namespace {

const char* const names[] = {"float32", "tf32", "bfloat16"};
constexpr int kFloat32 = 0, kPrecisions = 3;
std::atomic<int> chosen{kFloat32};

}  // namespace

Precision precision() { return static_cast<Precision>(chosen.load()); }

}  // namespace ddpm

extern "C" {

const char* ddpm_precision(void) { return ddpm::names[ddpm::chosen]; }

ddpm_status ddpm_set_precision(const char* name) {
  return ddpm::guard([&] {
    for (int i = 0; i < ddpm::kPrecisions; ++i)
      if (name != nullptr && std::strcmp(name, ddpm::names[i]) == 0) {
        ddpm::chosen = i;
        return;
      }
    ddpm::fail(DDPM_INVALID_ARGUMENT, "precision is '%s', expected float32, tf32 or bfloat16",
               name == nullptr ? "null" : name);
  });
}
}
