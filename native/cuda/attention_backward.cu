// Gradients of attention; see attention.cuh. Three passes, and before them the means: 8 bytes for each element of o.
#include "cuda/attention.cuh"
#include "cuda/cuda.h"

namespace ddpm::cuda {

/** A warp to a query of a head: means [N,heads,T] = rowsum(d_o o). */
__global__ void __launch_bounds__(kQuadThreads) attention_means_kernel(AttentionBackwardArgs a, float* means) {
  int64_t i = (int64_t{blockIdx.x} * kQuadThreads + threadIdx.x) / 32, token, head;
  if (i >= a.n * a.heads * a.tokens) return;
  int64_t image = split(split(i, a.tokens, &token), a.heads, &head);
  int64_t first = ((image * a.tokens + token) * a.heads + head) * a.head_dim;
  float sum = 0;
  for (int64_t d = threadIdx.x % 32; d < a.head_dim; d += 32) sum = fmaf(a.d_o[first + d], a.o[first + d], sum);
#pragma unroll
  for (int lanes = 1; lanes < 32; lanes *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
  if (threadIdx.x % 32 == 0) means[i] = sum;
}

ddpm_status attention_backward(const AttentionBackwardArgs& a) {
  int64_t queries = a.n * a.heads * a.tokens;
  DeviceArray<float> means(queries, op_stream());
  float* of_queries = means;
  launch("attention_means", attention_means_kernel, grid_of(divide_up(queries * 32, kQuadThreads)), dim3(kQuadThreads),
         0, op_stream(), a, of_queries);
  AttentionPass pass{};
  pass.log_sums = a.log_sum_exp;
  pass.means = means;
  pass.tokens = a.tokens;
  pass.heads = a.heads;
  pass.dim = a.head_dim;
  pass.scale = a.scale;
  auto run = [&](auto result, const char* name, const float* row, const float* other_row, const float* column,
                 const float* other_column, const float* summed, float* to) {
    AttentionPass mine = pass;
    mine.rows[0] = row;
    mine.rows[1] = other_row;
    mine.columns[0] = column;
    mine.columns[1] = other_column;
    mine.summed = summed;
    mine.result = to;
    run_attention<decltype(result)::value>(name, mine, a.n);
  };
  using Query = std::integral_constant<AttentionResult, AttentionResult::kQuery>;
  using Key = std::integral_constant<AttentionResult, AttentionResult::kKey>;
  using Value = std::integral_constant<AttentionResult, AttentionResult::kValue>;
  run(Query{}, "attention_dq", a.q, a.d_o, a.k, a.v, a.k, a.dq);
  run(Key{}, "attention_dk", a.k, a.v, a.q, a.d_o, a.q, a.dk);
  run(Value{}, "attention_dv", a.k, nullptr, a.q, nullptr, a.d_o, a.dv);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
