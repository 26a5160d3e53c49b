#include "cpu/cpu.h"
#include "cpu/kernels/ops.h"

#define DDPM_STRING_(x) #x
#define DDPM_STRING(x) DDPM_STRING_(x)

namespace ddpm::cpu::DDPM_ISA {

const Backend* backend() {
  static Backend table;
  static const bool filled = [] {
    table.name = "cpu-" DDPM_STRING(DDPM_ISA);
    table.copy_from_host = copy;
    table.copy_to_host = copy;
    table.copy = copy;
    table.fill = fill;
    table.conv2d = conv2d;
    table.fused_conv2d = fused_conv2d;
    table.conv2d_backward_input = conv2d_backward_input;
    table.conv2d_backward_weights = conv2d_backward_weights;
    table.linear = linear;
    table.linear_backward_input = linear_backward_input;
    table.linear_backward_weights = linear_backward_weights;
    table.attention = attention;
    table.attention_backward = attention_backward;
    table.silu = silu;
    table.silu_backward = silu_backward;
    table.relu = relu;
    table.relu_backward = relu_backward;
    table.add = add;
    table.scale = scale;
    table.concat = concat;
    table.concat_backward = concat_backward;
    table.sum_pixels = sum_pixels;
    table.time_embedding = time_embedding;
    table.embedding = embedding;
    table.embedding_backward = embedding_backward;
    table.group_norm = group_norm;
    table.group_norm_backward = group_norm_backward;
    table.upsample_nearest = upsample_nearest;
    table.upsample_nearest_backward = upsample_nearest_backward;
    table.upsample_bilinear = upsample_bilinear;
    table.upsample_bilinear_backward = upsample_bilinear_backward;
    table.max_pool = max_pool;
    table.max_pool_backward = max_pool_backward;
    table.average_pool = average_pool;
    table.average_pool_backward = average_pool_backward;
    table.q_sample = q_sample;
    table.reverse_step = reverse_step;
    table.linear_combination = linear_combination;
    table.randn = randn;
    table.dropout = dropout;
    table.mse = mse;
    table.cross_entropy = cross_entropy;
    table.adam = adam;
    table.ema = ema;
    table.sum_squares = sum_squares;
    table.optimal_load = optimal_load;
    table.optimal_partial = optimal_partial;
    table.optimal_finish = optimal_finish;
    table.optimal_log_kernels = optimal_log_kernels;
    return true;
  }();
  (void)filled;
  return &table;
}

}  // namespace ddpm::cpu::DDPM_ISA
