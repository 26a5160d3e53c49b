#pragma once
#include <cstdint>

namespace ddpm::cpu::DDPM_ISA {

/** Pixels whose channels come from two places: first those of x, then those of skip. */
struct Joined {
  const float *x, *skip;  // [pixels,x_c], [pixels,skip_c]
  int64_t x_c, skip_c;    // skip is null and skip_c 0 if there is one place

  int64_t c() const { return x_c + skip_c; }
};

}  // namespace ddpm::cpu::DDPM_ISA
