#pragma once
#include "common/backend.h"

namespace ddpm::cuda {

ddpm_status optimal_load(const OptimalLoadArgs& args);
ddpm_status optimal_finish(const OptimalFinishArgs& args);
ddpm_status optimal_log_kernels(const OptimalLogKernelsArgs& args);

}  // namespace ddpm::cuda
