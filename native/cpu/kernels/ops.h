#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/backend.h"
#include "common/thread_pool.h"

/** The ops of one instruction set; backend.cpp puts them into its table. */
namespace ddpm::cpu::DDPM_ISA {

// convolution.cpp
ddpm_status conv2d(const Conv2dArgs& args);
ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& args);
ddpm_status linear(const LinearArgs& args);
ddpm_status linear_backward_input(const LinearBackwardInputArgs& args);

// convolution_weights.cpp
ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& args);
ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& args);

// attention.cpp
ddpm_status attention(const AttentionArgs& args);
ddpm_status attention_backward(const AttentionBackwardArgs& args);

// pointwise.cpp
ddpm_status silu(const SiluArgs& args);
ddpm_status silu_backward(const SiluBackwardArgs& args);
ddpm_status fill(const FillArgs& args);
ddpm_status copy(const CopyArgs& args);

}  // namespace ddpm::cpu::DDPM_ISA
