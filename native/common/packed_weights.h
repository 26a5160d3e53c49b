#pragma once
#include <cstdint>
#include <memory>

#include "ddpm/memory.h"

namespace ddpm {

/** Writes weights [K,taps,C] in another order or form; what it makes follows from these arguments alone. */
using Packer = void (*)(const float* w, int64_t k, int64_t taps, int64_t c, float* packed);

/**
 * Packed copies of weights that are kept from call to call, for blocks of which that is asked (ddpm_keep_packed).
 *
 * Every op that writes to a block moves its version on, before and after (see Operands). A copy is used only while the
 * block's version is the one from before it was packed, so none is ever older than the weights. One object serves one
 * operand of one op; a copy in use outlives its replacement.
 */
class PackedWeights {
 public:
  /** The copies of an operand that has been checked. */
  explicit PackedWeights(ddpm_mem weights) : mem_(weights) {}

  /** The packed floats of the weights at w: kept ones, or packed now. Null if the block keeps none. */
  const float* get(const float* w, Packer packer, int64_t k, int64_t taps, int64_t c, int64_t floats);

 private:
  ddpm_mem mem_;
  std::shared_ptr<const void> held_;
};

/** Forgets the copies of a block that is freed. */
void forget_packed(ddpm_mem block);

}  // namespace ddpm
