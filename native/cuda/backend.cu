#include "cuda/cuda.h"
#include "cuda/device.h"
#include "cuda/optimal_host.h"

namespace ddpm::cuda {

const Backend* backend() {
  static const Backend table = [] {
    Backend b;
    b.name = kBackendName;
    b.select = select_for_op;
    b.copy_from_host = copy_from_host;
    b.copy_to_host = copy_to_host;
    b.copy = copy;
    b.fill = fill;
    b.silu = silu;
    b.silu_backward = silu_backward;
    b.relu = relu;
    b.relu_backward = relu_backward;
    b.add = add;
    b.scale = scale;
    b.concat = concat;
    b.concat_backward = concat_backward;
    b.time_embedding = time_embedding;
    b.embedding = embedding;
    b.embedding_backward = embedding_backward;
    b.upsample_nearest = upsample_nearest;
    b.upsample_nearest_backward = upsample_nearest_backward;
    b.upsample_bilinear = upsample_bilinear;
    b.upsample_bilinear_backward = upsample_bilinear_backward;
    b.max_pool = max_pool;
    b.max_pool_backward = max_pool_backward;
    b.average_pool = average_pool;
    b.average_pool_backward = average_pool_backward;
    b.randn = randn;
    b.dropout = dropout;
    b.q_sample = q_sample;
    b.reverse_step = reverse_step;
    b.linear_combination = linear_combination;
    b.program = program;
    b.mse = mse;
    b.cross_entropy = cross_entropy;
    b.adam = adam;
    b.ema = ema;
    b.sum_squares = sum_squares;
    b.sum_pixels = sum_pixels;
    b.group_norm = group_norm;
    b.group_norm_backward = group_norm_backward;
    b.attention = attention;
    b.attention_backward = attention_backward;
    b.conv2d = conv2d;
    b.fused_conv2d = fused_conv2d;
    b.conv2d_backward_input = conv2d_backward_input;
    b.conv2d_backward_weights = conv2d_backward_weights;
    b.linear = linear;
    b.linear_backward_input = linear_backward_input;
    b.linear_backward_weights = linear_backward_weights;
    b.optimal_partial = optimal_partial;
    b.optimal_load = optimal_load;
    b.optimal_finish = optimal_finish;
    b.optimal_log_kernels = optimal_log_kernels;
    return b;
  }();
  return &table;
}

}  // namespace ddpm::cuda
