// Attention, forward; see attention.cuh.
#include "cuda/attention.cuh"
#include "cuda/cuda.h"

namespace ddpm::cuda {

ddpm_status attention(const AttentionArgs& a) {
  AttentionPass pass{};
  pass.rows[0] = a.q;
  pass.columns[0] = a.k;
  pass.summed = a.v;
  pass.result = a.o;
  pass.log_sums_out = a.log_sum_exp;
  pass.tokens = a.tokens;
  pass.heads = a.heads;
  pass.dim = a.head_dim;
  pass.scale = a.scale;
  run_attention<AttentionResult::kOutput>("attention", pass, a.n);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
