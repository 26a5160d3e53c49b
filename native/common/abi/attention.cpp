#include "ddpm/attention.h"

#include <cmath>

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

namespace {

int64_t checked_size(int32_t n, int32_t tokens, int32_t heads, int32_t head_dim, float scale) {
  require(std::isfinite(scale), "scale", scale, "a finite number");
  elements("scores", n, heads, tokens, tokens);
  return elements("q", n, tokens, heads, head_dim);
}

}  // namespace

extern "C" {

ddpm_status ddpm_attention(ddpm_mem q, ddpm_mem k, ddpm_mem v, ddpm_mem o, ddpm_mem log_sum_exp, int32_t n,
                           int32_t tokens, int32_t heads, int32_t head_dim, float scale) {
  return guard([&] {
    int64_t size = checked_size(n, tokens, heads, head_dim, scale);
    Operands operands("attention");
    AttentionArgs args{};
    args.q = operands.in(q, "q", size);
    args.k = operands.in(k, "k", size);
    args.v = operands.in(v, "v", size);
    args.o = operands.out(o, "o", size);
    args.log_sum_exp = operands.optional_out(log_sum_exp, "log_sum_exp", int64_t{n} * heads * tokens);
    args.n = n;
    args.tokens = tokens;
    args.heads = heads;
    args.head_dim = head_dim;
    args.scale = scale;
    dispatch(operands.device(), "attention", &Backend::attention, args);
  });
}

ddpm_status ddpm_attention_backward(ddpm_mem q, ddpm_mem k, ddpm_mem v, ddpm_mem o, ddpm_mem log_sum_exp, ddpm_mem d_o,
                                    ddpm_mem dq, ddpm_mem dk, ddpm_mem dv, int32_t n, int32_t tokens, int32_t heads,
                                    int32_t head_dim, float scale) {
  return guard([&] {
    int64_t size = checked_size(n, tokens, heads, head_dim, scale);
    Operands operands("attention_backward");
    AttentionBackwardArgs args{};
    args.q = operands.in(q, "q", size);
    args.k = operands.in(k, "k", size);
    args.v = operands.in(v, "v", size);
    args.o = operands.in(o, "o", size);
    args.log_sum_exp = operands.in(log_sum_exp, "log_sum_exp", int64_t{n} * heads * tokens);
    args.d_o = operands.in(d_o, "d_o", size);
    args.dq = operands.out(dq, "dq", size);
    args.dk = operands.out(dk, "dk", size);
    args.dv = operands.out(dv, "dv", size);
    args.n = n;
    args.tokens = tokens;
    args.heads = heads;
    args.head_dim = head_dim;
    args.scale = scale;
    dispatch(operands.device(), "attention_backward", &Backend::attention_backward, args);
  });
}
}
