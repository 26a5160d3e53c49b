#pragma once
#include "common/backend.h"

/**
 * The CUDA backend: ops that have kernels, of the device that select_for_op was given last on the calling thread and in
 * the order of its stream. Memory of the arguments is that device's, except where they are host memory on every backend
 * (chunks, partial and report of the optimal denoiser). Tests run it as backend `simt`, on the engine of tests/simt.
 */
namespace ddpm::cuda {

const Backend* backend();

// accelerator.cpp
void select_for_op(int device);

// memory.cpp
ddpm_status copy_from_host(const CopyArgs& args);
ddpm_status copy_to_host(const CopyArgs& args);
ddpm_status copy(const CopyArgs& args);

// pointwise.cu
ddpm_status fill(const FillArgs& args);
ddpm_status silu(const SiluArgs& args);
ddpm_status silu_backward(const SiluBackwardArgs& args);
ddpm_status relu(const ReluArgs& args);
ddpm_status relu_backward(const ReluBackwardArgs& args);
ddpm_status add(const AddArgs& args);
ddpm_status scale(const ScaleArgs& args);

// tables.cu
ddpm_status concat(const ConcatArgs& args);
ddpm_status concat_backward(const ConcatBackwardArgs& args);
ddpm_status time_embedding(const TimeEmbeddingArgs& args);
ddpm_status embedding(const EmbeddingArgs& args);
ddpm_status embedding_backward(const EmbeddingBackwardArgs& args);

// resampling.cu
ddpm_status upsample_nearest(const UpsampleArgs& args);
ddpm_status upsample_nearest_backward(const UpsampleArgs& args);
ddpm_status upsample_bilinear(const UpsampleArgs& args);
ddpm_status upsample_bilinear_backward(const UpsampleArgs& args);

// pooling.cu
ddpm_status max_pool(const PoolArgs& args);
ddpm_status max_pool_backward(const PoolBackwardArgs& args);
ddpm_status average_pool(const PoolArgs& args);
ddpm_status average_pool_backward(const PoolBackwardArgs& args);

// random.cu
ddpm_status randn(const RandnArgs& args);
ddpm_status dropout(const DropoutArgs& args);

// diffusion.cu
ddpm_status q_sample(const QSampleArgs& args);
ddpm_status reverse_step(const ReverseStepArgs& args);
ddpm_status linear_combination(const LinearCombinationArgs& args);

// program.cu
ddpm_status program(const ProgramArgs& args);

// training.cu
ddpm_status mse(const MseArgs& args);
ddpm_status cross_entropy(const CrossEntropyArgs& args);
ddpm_status adam(const AdamArgs& args);
ddpm_status ema(const EmaArgs& args);
ddpm_status sum_squares(const SumSquaresArgs& args);

// attention.cu
ddpm_status attention(const AttentionArgs& args);

// attention_backward.cu
ddpm_status attention_backward(const AttentionBackwardArgs& args);

// sum_pixels.cu
ddpm_status sum_pixels(const SumPixelsArgs& args);

// group_norm.cu
ddpm_status group_norm(const GroupNormArgs& args);

// group_norm_backward.cu
ddpm_status group_norm_backward(const GroupNormBackwardArgs& args);

// convolution.cu
ddpm_status conv2d(const Conv2dArgs& args);
ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& args);
ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& args);
ddpm_status linear(const LinearArgs& args);
ddpm_status linear_backward_input(const LinearBackwardInputArgs& args);
ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& args);

// fused_convolution.cu
ddpm_status fused_conv2d(const FusedConv2dArgs& args);

// optimal.cu
ddpm_status optimal_partial(const OptimalPartialArgs& args);

}  // namespace ddpm::cuda
