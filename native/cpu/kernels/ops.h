#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/backend.h"
#include "common/thread_pool.h"

/** The ops of one instruction set; backend.cpp puts them into its table. */
namespace ddpm::cpu::DDPM_ISA {

// pointwise.cpp
ddpm_status silu(const SiluArgs& args);
ddpm_status silu_backward(const SiluBackwardArgs& args);
ddpm_status fill(const FillArgs& args);
ddpm_status copy(const CopyArgs& args);

}  // namespace ddpm::cpu::DDPM_ISA
