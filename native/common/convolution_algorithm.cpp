// The choice between direct convolution and Winograd's.
#include "common/convolution_algorithm.h"

#include <atomic>
#include <cstring>

#include "common/error.h"
#include "ddpm/convolution.h"

namespace ddpm {
namespace {

const char* const names[] = {"auto", "direct", "winograd2", "winograd4"};
constexpr int kAuto = 0, kModes = 4;
std::atomic<int> mode{kAuto};

}  // namespace

ConvolutionAlgorithm convolution_algorithm(int64_t height, int64_t width, int64_t depth, int64_t columns) {
  int chosen = mode;
  if (chosen != kAuto) return static_cast<ConvolutionAlgorithm>(chosen - 1);
  if (depth < 32 || columns < 32 || height < 4 || width < 4) return ConvolutionAlgorithm::kDirect;
  return ConvolutionAlgorithm::kWinograd4;
}

}  // namespace ddpm

extern "C" {

const char* ddpm_convolution_algorithm(void) { return ddpm::names[ddpm::mode]; }

ddpm_status ddpm_set_convolution_algorithm(const char* name) {
  return ddpm::guard([&] {
    for (int i = 0; i < ddpm::kModes; ++i)
      if (name != nullptr && std::strcmp(name, ddpm::names[i]) == 0) {
        ddpm::mode = i;
        return;
      }
    ddpm::fail(DDPM_INVALID_ARGUMENT, "convolution algorithm is '%s', expected auto, direct, winograd2 or winograd4",
               name == nullptr ? "null" : name);
  });
}
}
