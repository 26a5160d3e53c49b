#include "ddpm/pointwise.h"

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

extern "C" {

ddpm_status ddpm_silu(ddpm_mem x, ddpm_mem y, int64_t count) {
  return guard([&] {
    elements("x", count);
    Operands operands("silu");
    SiluArgs args{};
    args.x = operands.in(x, "x", count);
    args.y = operands.out_in_place(y, "y", count);
    args.count = count;
    dispatch(operands.device(), "silu", &Backend::silu, args);
  });
}

ddpm_status ddpm_silu_backward(ddpm_mem x, ddpm_mem dy, ddpm_mem dx, int64_t count) {
  return guard([&] {
    elements("x", count);
    Operands operands("silu_backward");
    SiluBackwardArgs args{};
    args.x = operands.in(x, "x", count);
    args.dy = operands.in(dy, "dy", count);
    args.dx = operands.out_in_place(dx, "dx", count);
    args.count = count;
    dispatch(operands.device(), "silu_backward", &Backend::silu_backward, args);
  });
}
}
