#include "ddpm/normalization.h"

#include <cmath>

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

namespace {

int64_t checked_size(int32_t n, int32_t pixels, int32_t c, int32_t groups) {
  int64_t size = elements("x", n, pixels, c);
  require(groups >= 1 && c % groups == 0, "groups", groups, "a divisor of the channels");
  return size;
}

}  // namespace

extern "C" {

ddpm_status ddpm_group_norm(ddpm_mem x, ddpm_mem gamma, ddpm_mem beta, ddpm_mem modulation, ddpm_mem y,
                            ddpm_mem statistics, int32_t n, int32_t pixels, int32_t c, int32_t groups, float eps,
                            int32_t silu) {
  return guard([&] {
    int64_t size = checked_size(n, pixels, c, groups);
    require(eps > 0 && std::isfinite(eps), "eps", eps, "a positive number");
    Operands operands("group_norm");
    GroupNormArgs args{};
    args.x = operands.in(x, "x", size);
    args.gamma = operands.in(gamma, "gamma", c);
    args.beta = operands.in(beta, "beta", c);
    args.modulation = operands.optional_in(modulation, "modulation", int64_t{n} * 2 * c);
    args.y = x == y ? operands.out_in_place(y, "y", size) : operands.out(y, "y", size);
    args.statistics = operands.out(statistics, "statistics", int64_t{n} * groups * 2);
    args.n = n;
    args.pixels = pixels;
    args.c = c;
    args.groups = groups;
    args.eps = eps;
    args.silu = silu != 0;
    dispatch(operands.device(), "group_norm", &Backend::group_norm, args);
  });
}

ddpm_status ddpm_group_norm_backward(ddpm_mem x, ddpm_mem gamma, ddpm_mem beta, ddpm_mem modulation,
                                     ddpm_mem statistics, ddpm_mem dy, ddpm_mem dx, ddpm_mem dgamma, ddpm_mem dbeta,
                                     ddpm_mem dmodulation, int32_t n, int32_t pixels, int32_t c, int32_t groups,
                                     int32_t silu) {
  return guard([&] {
    int64_t size = checked_size(n, pixels, c, groups);
    if ((modulation == 0) != (dmodulation == 0))
      fail(DDPM_INVALID_ARGUMENT, "group_norm_backward: modulation and dmodulation must both be null or both be given");
    Operands operands("group_norm_backward");
    GroupNormBackwardArgs args{};
    args.x = operands.in(x, "x", size);
    args.gamma = operands.in(gamma, "gamma", c);
    args.beta = operands.in(beta, "beta", c);
    args.modulation = operands.optional_in(modulation, "modulation", int64_t{n} * 2 * c);
    args.statistics = operands.in(statistics, "statistics", int64_t{n} * groups * 2);
    args.dy = operands.in(dy, "dy", size);
    args.dx = dx == dy ? operands.out_in_place(dx, "dx", size) : operands.out(dx, "dx", size);
    args.dgamma = operands.out(dgamma, "dgamma", c);
    args.dbeta = operands.out(dbeta, "dbeta", c);
    args.dmodulation = operands.optional_out(dmodulation, "dmodulation", int64_t{n} * 2 * c);
    args.n = n;
    args.pixels = pixels;
    args.c = c;
    args.groups = groups;
    args.silu = silu != 0;
    dispatch(operands.device(), "group_norm_backward", &Backend::group_norm_backward, args);
  });
}
}
