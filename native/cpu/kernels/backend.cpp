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
    table.conv2d_backward_input = conv2d_backward_input;
    table.conv2d_backward_weights = conv2d_backward_weights;
    table.linear = linear;
    table.linear_backward_input = linear_backward_input;
    table.linear_backward_weights = linear_backward_weights;
    table.attention = attention;
    table.attention_backward = attention_backward;
    table.silu = silu;
    table.silu_backward = silu_backward;
    return true;
  }();
  (void)filled;
  return &table;
}

}  // namespace ddpm::cpu::DDPM_ISA
