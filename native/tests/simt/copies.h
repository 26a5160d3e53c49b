#pragma once
#include <cstddef>

#include "simt/engine.h"

/**
 * Asynchronous copies to shared memory. One lands when it starts or when it is waited for; until then its place has no
 * value, and the checker lets nobody touch it.
 */
namespace ddpm::simt {

/** Starts to copy the first `valid` of 4, 8 or 16 bytes; the others become 0. */
void copy_async(void* to, const void* from, size_t bytes, size_t valid, const Line& line);
void copy_commit();
/** Waits for the thread's groups but the last few. */
void copy_wait(int groups);

/** At the start of a block, and at the end of a thread, which must have waited for all. */
void start_copies(int threads);
void end_copies();

}  // namespace ddpm::simt
