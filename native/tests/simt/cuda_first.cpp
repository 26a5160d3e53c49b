// Runs the cases of a test on the CUDA kernels, on the CPU's memory.
#include "common/backend.h"
#include "cuda/cuda.h"

namespace ddpm {
namespace {

[[maybe_unused]] const bool set = (set_tested_backend(cuda::backend()), true);

}  // namespace
}  // namespace ddpm
