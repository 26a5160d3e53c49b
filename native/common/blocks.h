#pragma once
#include "ddpm/memory.h"

namespace ddpm {

/** Where a ddpm_mem points: an address, the device that owns it, and the bytes from there to the end of its block. */
struct Extent {
  char* data;
  int device;
  int64_t bytes;
};

/** Resolves a reference; throws DDPM_INVALID_ARGUMENT for one that never was, DDPM_STALE_MEMORY for a freed one. */
Extent resolve(ddpm_mem mem);

/** The start of the block that a reference points into, live or not. */
ddpm_mem block_of(ddpm_mem mem);

/** A number that changes with every write to the reference's block, when it begins and when it ends. */
int64_t block_version(ddpm_mem mem);

/** Counts the beginning or end of a write. */
void count_write(ddpm_mem mem);

}  // namespace ddpm
