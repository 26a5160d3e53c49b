#pragma once
#include <cstdint>

#include "common/packed_weights.h"
#include "common/thread_pool.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** The calling thread's scratch memory for a purpose, as count elements of a type; see thread_scratch. */
template <class T>
T* scratch(ScratchSlot slot, int64_t count) {
  return static_cast<T*>(thread_scratch(slot, static_cast<size_t>(count) * sizeof(T)));
}

/** Weights [K,taps,C] packed: the copy that their block keeps, or one in scratch memory. */
inline const float* packed_or_kept(PackedWeights* kept, const float* w, Packer packer, int64_t k, int64_t taps,
                                   int64_t c, int64_t floats) {
  const float* copy = kept->get(w, packer, k, taps, c, floats);
  if (copy != nullptr) return copy;
  float* packed = scratch<float>(kPackedWeights, floats);
  packer(w, k, taps, c, packed);
  return packed;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
