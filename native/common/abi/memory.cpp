#include "ddpm/memory.h"

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

extern "C" {

ddpm_status ddpm_copy_from_host(ddpm_mem dst, const float* src, int64_t count) {
  return guard([&] {
    if (src == nullptr) fail(DDPM_INVALID_ARGUMENT, "copy_from_host: src must not be null");
    Operands operands("copy_from_host");
    CopyArgs args{operands.out(dst, "dst", elements("dst", count)), src, count};
    dispatch(operands.device(), "copy_from_host", &Backend::copy_from_host, args);
  });
}

ddpm_status ddpm_copy_to_host(float* dst, ddpm_mem src, int64_t count) {
  return guard([&] {
    if (dst == nullptr) fail(DDPM_INVALID_ARGUMENT, "copy_to_host: dst must not be null");
    Operands operands("copy_to_host");
    CopyArgs args{dst, operands.in(src, "src", elements("src", count)), count};
    dispatch(operands.device(), "copy_to_host", &Backend::copy_to_host, args);
  });
}

ddpm_status ddpm_copy(ddpm_mem dst, ddpm_mem src, int64_t count) {
  return guard([&] {
    elements("dst", count);
    Operands operands("copy");
    CopyArgs args{};
    args.src = operands.in(src, "src", count);
    args.dst = operands.out(dst, "dst", count);
    args.count = count;
    dispatch(operands.device(), "copy", &Backend::copy, args);
  });
}

ddpm_status ddpm_fill(ddpm_mem dst, int64_t count, float value) {
  return guard([&] {
    Operands operands("fill");
    FillArgs args{operands.out(dst, "dst", elements("dst", count)), count, value};
    dispatch(operands.device(), "fill", &Backend::fill, args);
  });
}
}
