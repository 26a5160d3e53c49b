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
  // With fewer channels than this the transforms cost what they save. In pictures below 4 x 4, most of a window is
  // outside, which the direct products leave out.
  if (depth < 16 || columns < 16 || height < 4 || width < 4) return ConvolutionAlgorithm::kDirect;
  // Weights transformed for 4 x 4 take 2.25 times the memory of those for 2 x 2, and reading them is what a small
  // picture costs in a small batch: at 4 x 4 with 256 channels, F(4 x 4) takes 2.7 times as long with one image and 0.8
  // times with 16. From four tiles on it is level or ahead.
  int64_t fours = ((height + 3) / 4) * ((width + 3) / 4), twos = ((height + 1) / 2) * ((width + 1) / 2);
  return fours >= 4 && fours * 36 < twos * 16 ? ConvolutionAlgorithm::kWinograd4 : ConvolutionAlgorithm::kWinograd2;
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
