// A program's next step (common/program.h): a thread takes four elements through all ops of the step, which compute
// an element from the same element of their operands only, so that nobody waits for anybody. Ops and operands come from
// the table in the device's memory, the same for all threads: broadcasts from the first-level cache. It is one launch
// for a step's five or so ops; images are small beside a network's activations, so that launches are what costs.
#include "cuda/cuda.h"
#include "cuda/diffusion.cuh"
#include "cuda/quads.cuh"
#include "cuda/randn.cuh"

namespace ddpm::cuda {

/** The functor of as many terms as there are. */
template <int kTerms>
DDPM_DEVICE void combine(const LinearCombinationArgs& a, Rows rows, int64_t image, int64_t column) {
  if (a.terms == kTerms)
    LinearCombination<kTerms>{a, rows}(image, column);
  else if constexpr (kTerms > 1)
    combine<kTerms - 1>(a, rows, image, column);
}

struct NextStep {
  ProgramArgs a;

  DDPM_DEVICE void operator()(int64_t image, int64_t column) const {
    int32_t step = *a.next;
    if (step >= a.steps) return;
    for (int32_t i = a.starts[step]; i < a.starts[step + 1]; ++i) run(a.instructions[i], image, column);
  }

  DDPM_DEVICE void run(const Instruction& op, int64_t image, int64_t column) const {
    // Floats one by one: what is computed does not depend on it, and operands are many.
    Rows rows{a.per_image, false};
    switch (op.kind) {
      case Instruction::kLinearCombination:
        combine<LinearCombinationArgs::kMaxTerms>(op.linear_combination, rows, image, column);
        break;
      case Instruction::kReverseStep:
        ReverseStep{op.reverse_step, rows}(image, column);
        break;
      case Instruction::kRandn:
        Randn{op.randn, rows}(image, column);
        break;
      case Instruction::kFill:
        fill(op.fill, rows, image, column);
        break;
    }
  }

  DDPM_DEVICE void fill(const FillArgs& f, Rows rows, int64_t image, int64_t column) const {
    Quad q;
#pragma unroll
    for (int i = 0; i < 4; ++i) q.at[i] = f.value;
    if (f.count == a.images * a.per_image)
      rows.store(f.dst + image * a.per_image, column, q);
    else if (column == 0)
      f.dst[image] = f.value;
  }
};

__global__ void move_on(int32_t* next, int32_t steps) {
  if (threadIdx.x == 0 && *next < steps) ++*next;
}

ddpm_status program(const ProgramArgs& a) {
  each_quad("program", NextStep{a}, a.images, a.per_image);
  // After all blocks have read it: the next kernel.
  launch("move_on", move_on, dim3(1), dim3(32), 0, op_stream(), a.next, a.steps);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
