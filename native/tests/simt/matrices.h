#pragma once
#include <cstdint>

#include "simt/engine.h"

/** The tensor cores' instructions. Registers are as the PTX manual deals out elements to lanes. */
namespace ddpm::simt {

enum class Element { kS8, kU8, kBf16, kF16, kTf32 };

/** Registers of a lane; the product of bytes has whole numbers in d. */
struct ProductLane {
  uint32_t d[4], a[4], b[2];
};

/** d += a b with a [16, K] and b [K, 8]; K is 32 bytes: of s8 and u8 32, of bf16 and f16 16, of tf32 8. */
void multiply(ProductLane& lane, Element a, Element b, const Line& line);

/**
 * `count` matrices of 8 rows of 16 bytes at addresses in shared memory: lane 8 m + i has that of row i of matrix m.
 * Lane l gets of each bytes 4 (l % 4) and on of row l / 4; transposed, as 2-byte elements, those of columns and rows
 * exchanged.
 */
void load_matrices(uint32_t* r, int count, bool transposed, uint32_t row, const Line& line);

}  // namespace ddpm::simt
