#pragma once
#include "common/backend.h"

/**
 * The CPU backends: every file of cpu/kernels/ is compiled once per instruction set, into a namespace of its own, with
 * DDPM_ISA (portable, avx2, avx512) and the compiler flags of that set.
 *
 * Code that is compiled per instruction set must not emit functions that the linker could merge with another set's:
 * keep everything in anonymous namespaces or in ddpm::cpu::DDPM_ISA, and use no inline or template code of the standard
 * library beyond <cmath>, <cstdint> and <cstring>.
 */
namespace ddpm::cpu {

namespace portable {
const Backend* backend();
}
namespace avx2 {
const Backend* backend();
}
namespace avx512 {
const Backend* backend();
}

}  // namespace ddpm::cpu
