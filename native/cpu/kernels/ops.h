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
ddpm_status fused_conv2d(const FusedConv2dArgs& args);
ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& args);

// convolution_weights.cpp
ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& args);

// linear.cpp
ddpm_status linear(const LinearArgs& args);
ddpm_status linear_backward_input(const LinearBackwardInputArgs& args);
ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& args);

// attention.cpp
ddpm_status attention(const AttentionArgs& args);
ddpm_status attention_backward(const AttentionBackwardArgs& args);

// pointwise.cpp
ddpm_status silu(const SiluArgs& args);
ddpm_status silu_backward(const SiluBackwardArgs& args);
ddpm_status relu(const ReluArgs& args);
ddpm_status relu_backward(const ReluBackwardArgs& args);
ddpm_status add(const AddArgs& args);
ddpm_status scale(const ScaleArgs& args);
ddpm_status concat(const ConcatArgs& args);
ddpm_status concat_backward(const ConcatBackwardArgs& args);
ddpm_status sum_pixels(const SumPixelsArgs& args);
ddpm_status time_embedding(const TimeEmbeddingArgs& args);
ddpm_status embedding(const EmbeddingArgs& args);
ddpm_status embedding_backward(const EmbeddingBackwardArgs& args);
ddpm_status fill(const FillArgs& args);
ddpm_status copy(const CopyArgs& args);

// normalization.cpp
ddpm_status group_norm(const GroupNormArgs& args);

// normalization_backward.cpp
ddpm_status group_norm_backward(const GroupNormBackwardArgs& args);

// resampling.cpp
ddpm_status upsample_nearest(const UpsampleArgs& args);
ddpm_status upsample_nearest_backward(const UpsampleArgs& args);
ddpm_status upsample_bilinear(const UpsampleArgs& args);
ddpm_status upsample_bilinear_backward(const UpsampleArgs& args);
ddpm_status max_pool(const PoolArgs& args);
ddpm_status max_pool_backward(const PoolBackwardArgs& args);
ddpm_status average_pool(const PoolArgs& args);
ddpm_status average_pool_backward(const PoolBackwardArgs& args);

// diffusion.cpp
ddpm_status q_sample(const QSampleArgs& args);
ddpm_status reverse_step(const ReverseStepArgs& args);
ddpm_status linear_combination(const LinearCombinationArgs& args);

// random.cpp
ddpm_status randn(const RandnArgs& args);
ddpm_status dropout(const DropoutArgs& args);

// training.cpp
ddpm_status mse(const MseArgs& args);
ddpm_status cross_entropy(const CrossEntropyArgs& args);
ddpm_status adam(const AdamArgs& args);
ddpm_status ema(const EmaArgs& args);
ddpm_status sum_squares(const SumSquaresArgs& args);

// optimal.cpp
ddpm_status optimal_load(const OptimalLoadArgs& args);
ddpm_status optimal_partial(const OptimalPartialArgs& args);
ddpm_status optimal_finish(const OptimalFinishArgs& args);
ddpm_status optimal_log_kernels(const OptimalLogKernelsArgs& args);

}  // namespace ddpm::cpu::DDPM_ISA
